# Completion of openshell for fish.
# Use: openshell completions fish | source
function __openshell_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -e before[1]
    set -l lines (command openshell complete --current="$current" -- $before 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path (string replace -r -- '^--[^=]*=' '' $current)
        case directories
            __fish_complete_directories (string replace -r -- '^--[^=]*=' '' $current)
        case words
            set -e lines[1]
            string join \n -- $lines
    end
end
complete -c openshell -f -a '(__openshell_complete)'
