# Completion of openshell for PowerShell.
# Use: openshell completions powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName openshell -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements |
        Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { $_.ToString() })
    $program = Get-Command -Name openshell -CommandType Application -TotalCount 1
    $lines = @(& $program complete "--current=$wordToComplete" -- @before 2>$null)
    if ($lines.Count -lt 2 -or $lines[0] -ne 'words') { return }
    $lines | Select-Object -Skip 1 | ForEach-Object {
        $value, $summary = $_ -split "`t", 2
        if (-not $summary) { $summary = $value }
        [System.Management.Automation.CompletionResult]::new(
            $value, $value, 'ParameterValue', $summary)
    }
}
