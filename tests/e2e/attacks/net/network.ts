/**
 * Attacks past the proxy: sockets of every kind, and what else might reach a network.
 *
 * @module
 */

import { curl } from "../../support/probes.ts";
import type { Attack, Trial } from "../support/attack.ts";
import { pythonTrial } from "./scripts.ts";

/** The way that is permitted. */
const BY_PROXY: Trial = {
  script: curl("https://full.example.com/by-proxy"),
  shows: /status 200 connect 200/,
};

/** Nothing of these reaches the proxy, and no policy of the network has a say. */
const SOCKETS: readonly (readonly [id: string, title: string, code: string])[] = [
  ["tcp", "TCP to an allowed host", 'socket.create_connection(("203.0.113.10", 443), 3)'],
  ["tcp-http", "plain TCP to an allowed host", 'socket.create_connection(("203.0.113.10", 80), 3)'],
  ["tcp-name", "TCP by name", 'socket.create_connection(("api.example.com", 443), 3)'],
  ["tcp-machine", "TCP to the machine", 'socket.create_connection(("10.255.0.1", 22), 3)'],
  [
    "tcp-loopback",
    "TCP to the machine's loopback",
    'socket.create_connection(("127.0.0.1", 8080), 3)',
  ],
  ["tcp-metadata", "TCP to metadata", 'socket.create_connection(("169.254.169.254", 80), 3)'],
  ["tcp-ipv6", "TCP by IPv6", 'socket.create_connection(("2001:db8::1", 443), 3)'],
  ["tcp-ipv6-loopback", "TCP to loopback by IPv6", 'socket.create_connection(("::1", 8081), 3)'],
  [
    "tcp-mapped",
    "TCP to an allowed host, mapped into IPv6",
    'socket.create_connection(("::ffff:203.0.113.10", 443), 3)',
  ],
  [
    "tcp-fast-open",
    "data with the first packet of TCP",
    'socket.socket().sendto(CANARY.encode(), 0x20000000, ("203.0.113.10", 443))',
  ],
  ["mptcp", "MPTCP", 'socket.socket(2, 1, 262).connect(("203.0.113.10", 443))'],
  ["udp", "UDP", 'socket.socket(2, 2).sendto(CANARY.encode(), ("203.0.113.10", 443))'],
  ["udp-ipv6", "UDP by IPv6", 'socket.socket(10, 2).sendto(CANARY.encode(), ("2001:db8::1", 443))'],
  [
    "udp-lite",
    "UDP-Lite",
    'socket.socket(2, 2, 136).sendto(CANARY.encode(), ("203.0.113.10", 443))',
  ],
  [
    "udp-multicast",
    "multicast",
    'socket.socket(2, 2).sendto(CANARY.encode(), ("224.0.0.251", 5353))',
  ],
  [
    "udp-broadcast",
    "broadcast",
    '(lambda s: (s.setsockopt(1, 6, 1), s.sendto(CANARY.encode(), ("255.255.255.255", 9))))(socket.socket(2, 2))',
  ],
  [
    "dns",
    "DNS past the proxy",
    '(lambda s: (s.settimeout(1), s.connect(("127.0.0.1", 53)), s.send(CANARY.encode()), s.recv(9)))(socket.socket(2, 2))',
  ],
  [
    "dns-lookup",
    "DNS by the system's resolver",
    'socket.getaddrinfo(CANARY + ".example.org", 443)',
  ],
  [
    "dns-public",
    "DNS of a public server",
    '(lambda s: (s.settimeout(1), s.sendto(CANARY.encode(), ("8.8.8.8", 53)), s.recv(9)))(socket.socket(2, 2))',
  ],
  ["raw", "a raw socket", "socket.socket(2, 3, 255)"],
  ["raw-icmp", "ICMP by a raw socket", "socket.socket(2, 3, 1)"],
  [
    "ping",
    "ICMP by a ping socket",
    'socket.socket(2, 2, 1).sendto(b"\\x08\\0\\xf7\\xff\\0\\0\\0\\0" + CANARY.encode(), ("203.0.113.10", 0))',
  ],
  ["raw-ipv6", "a raw socket of IPv6", "socket.socket(10, 3, 58)"],
  ["packet", "a packet socket", "socket.socket(17, 3, 768)"],
  ["packet-dgram", "a packet socket without heads", "socket.socket(17, 2, 768)"],
  ["vsock", "a socket to the hypervisor", "socket.socket(40, 1).connect((2, 1024))"],
  ["bluetooth", "Bluetooth", "socket.socket(31, 3, 0)"],
  ["can", "a CAN bus", "socket.socket(29, 3, 1)"],
  ["kcm", "a connection multiplexer of the kernel", "socket.socket(41, 2, 0)"],
  ["xdp", "a socket of XDP", "socket.socket(44, 3, 0)"],
  ["rds", "reliable datagrams", "socket.socket(21, 5, 0)"],
  ["tipc", "cluster sockets", "socket.socket(30, 1, 0)"],
  ["alg", "cryptography of the kernel", "socket.socket(38, 5, 0)"],
  [
    "netlink-link",
    "a device made by netlink",
    '(lambda s: (s.bind((0, 0)), s.send(struct.pack("IHHII", 32, 16, 0x605, 1, 0) + bytes(16)), (lambda e: e and (_ for _ in ()).throw(OSError(-e, "refused")))(struct.unpack_from("i", s.recv(4096), 16)[0])))(socket.socket(16, 3, 0))',
  ],
  ["netlink-audit", "the audit of the kernel", "socket.socket(16, 3, 9)"],
  ["netlink-netfilter", "the firewall by netlink", "socket.socket(16, 3, 12)"],
  ["netlink-generic", "generic netlink", "socket.socket(16, 3, 16)"],
  ["netlink-uevent", "events of devices", "socket.socket(16, 3, 15)"],
  ["tun", "a device of one's own", 'os.open("/dev/net/tun", os.O_RDWR)'],
  [
    "abstract-x11",
    "an abstract socket of the machine's screen",
    'socket.socket(1, 1).connect("\\0/tmp/.X11-unix/X0")',
  ],
  [
    "abstract-dbus",
    "an abstract socket of the machine's bus",
    'socket.socket(1, 1).connect("\\0/org/freedesktop/systemd1/notify")',
  ],
  ["unix-dbus", "the machine's bus", 'socket.socket(1, 1).connect("/run/dbus/system_bus_socket")'],
  [
    "unix-docker",
    "the socket of a container engine",
    'socket.socket(1, 1).connect("/var/run/docker.sock")',
  ],
  [
    "unix-resolver",
    "the resolver of the machine",
    'socket.socket(1, 1).connect("/run/systemd/resolve/io.systemd.Resolve")',
  ],
  ["unix-nscd", "the name cache of the machine", 'socket.socket(1, 1).connect("/run/nscd/socket")'],
  ["namespace-setns", "the network of another process", 'os.open("/proc/1/ns/net", os.O_RDONLY)'],
  [
    "steal-port",
    "the port of the proxy, for oneself",
    '(lambda s: (s.setsockopt(1, 15, 1), s.bind(("127.0.0.1", 3128)), s.listen()))(socket.socket())',
  ],
  [
    "steal-port-any",
    "the port of the proxy at every address, and its clients",
    '(lambda s: (s.setsockopt(1, 2, 1), s.setsockopt(1, 15, 1), s.bind(("0.0.0.0", 3128)), s.listen()))(socket.socket())',
  ],
];

const SOCKET_ATTACKS = SOCKETS.map(([id, title, code]): Attack => ({
  id: `direct-${id}`,
  title,
  area: "network",
  attack: pythonTrial(
    `made = attempt(lambda: ${code})
if isinstance(made, socket.socket): attempt(lambda: made.sendall(CANARY.encode()))`,
    /^refused /,
  ),
  twin: BY_PROXY,
}));

const OTHERS: readonly Attack[] = [
  {
    id: "direct-namespace",
    title: "a network namespace of one's own",
    area: "network",
    attack: {
      script: "unshare --net true 2>&1 && echo worked; unshare --user --net true && echo worked",
      shows: /^(?![^]*worked)[^]*(not permitted|denied)/i,
    },
    twin: BY_PROXY,
  },
  {
    id: "direct-devices",
    title: "network devices besides loopback",
    area: "network",
    attack: {
      script:
        "grep -c : /proc/net/dev; cat /proc/net/route | tail -n +2; cat /proc/net/arp | tail -n +2",
      shows: /^1\s*$/,
    },
    twin: BY_PROXY,
  },
  {
    id: "direct-inherited",
    title: "sockets that came along from the outside",
    area: "network",
    attack: {
      script:
        "for fd in /proc/self/fd/*; do readlink $fd; done | grep -E 'socket:|anon_inode|/dev/net'; echo none",
      shows: /^none\s*$/,
    },
    twin: BY_PROXY,
  },
  {
    id: "direct-unix-listening",
    title: "unix sockets of the machine in the list of the kernel",
    area: "network",
    attack: {
      script: "tail -n +2 /proc/net/unix | grep -E ' (@|/)' ; echo none",
      shows: /^none\s*$/,
    },
    twin: BY_PROXY,
  },
];

export const SOCKET_AND_NAMESPACE_ATTACKS: readonly Attack[] = [...SOCKET_ATTACKS, ...OTHERS];
