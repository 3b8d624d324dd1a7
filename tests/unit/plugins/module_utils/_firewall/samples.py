# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the real tools print, on Debian 12. What says nothing here is left out."""

# nft --json list ruleset
NFT_JSON = r"""{"nftables": [
{"table": {"family": "inet", "name": "filter", "handle": 1}},
{"set": {"family": "inet", "name": "web", "table": "filter", "type": "inet_service", "handle": 3, "flags":
  ["interval"], "elem": [80, 443, {"range": [7881, 7882]}]}},
{"set": {"family": "inet", "name": "banned", "table": "filter", "type": "ipv4_addr", "handle": 4, "flags":
  ["interval", "timeout"], "elem": [{"prefix": {"addr": "192.0.2.0", "len": 24}}, {"elem": {"val":
  "198.51.100.66", "timeout": 86400000, "expires": 86399999}}]}},
{"set": {"family": "inet", "name": "pairs", "table": "filter", "type": ["ipv4_addr", "inet_service"], "handle":
  5, "elem": [{"concat": ["198.51.100.2", 9000]}]}},
{"map": {"family": "inet", "name": "ends", "table": "filter", "type": "inet_service", "handle": 6, "map":
  "verdict", "elem": [[50000, {"drop": null}], [50001, {"jump": {"target": "extra"}}]]}},
{"chain": {"family": "inet", "table": "filter", "name": "extra", "handle": 1}},
{"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 2, "type": "filter", "hook": "input",
  "prio": 0, "policy": "drop"}},
{"rule": {"family": "inet", "table": "filter", "chain": "extra", "handle": 7, "expr": [{"match": {"op": "!=",
  "left": {"payload": {"protocol": "udp", "field": "sport"}}, "right": {"range": [1024, 65535]}}}, {"return":
  null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "extra", "handle": 8, "expr": [{"match": {"op": "==",
  "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "203.0.113.10"}}, {"counter": {"packets":
  0, "bytes": 0}}, {"reject": {"type": "icmp", "expr": "admin-prohibited"}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 10, "expr": [{"vmap": {"key": {"ct":
  {"key": "state"}}, "data": {"set": [["invalid", {"drop": null}], ["established", {"accept": null}],
  ["related", {"accept": null}]]}}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 12, "expr": [{"match": {"op": "==",
  "left": {"meta": {"key": "iifname"}}, "right": {"set": ["lo", "mgmt*"]}}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 13, "expr": [{"match": {"op": "==",
  "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@banned"}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 14, "expr": [{"match": {"op": "==",
  "left": {"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "tcp",
  "field": "dport"}}]}, "right": "@pairs"}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 15, "expr": [{"match": {"op": "!=",
  "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["fin", "syn", "rst", "ack"]]}, "right":
  "syn"}}, {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 16, "expr": [{"vmap": {"key":
  {"payload": {"protocol": "udp", "field": "dport"}}, "data": "@ends"}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 17, "expr": [{"match": {"op": "==",
  "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": "@web"}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 18, "comment": "no, floods", "expr":
  [{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": {"range": [50000,
  60000]}}}, {"limit": {"rate": 1000, "burst": 5, "per": "second", "inv": true}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 20, "expr": [{"match": {"op": "==",
  "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": {"set": [443, {"range": [50000,
  60000]}]}}}, {"accept": null}]}},
{"table": {"family": "netdev", "name": "early", "handle": 2}},
{"chain": {"family": "netdev", "table": "early", "name": "ingress", "handle": 1, "type": "filter", "hook":
  "ingress", "prio": -500, "policy": "accept"}},
{"rule": {"family": "netdev", "table": "early", "chain": "ingress", "handle": 2, "expr": [{"match": {"op": "!=",
  "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 53}}, {"drop": null}]}}
]}
"""
# nft --stateless --handle --terse list ruleset
NFT_LISTING = r"""table inet filter { # handle 1
    set web { # handle 3
        type inet_service
        flags interval
    }

    set banned { # handle 4
        type ipv4_addr
        flags interval,timeout
    }

    set pairs { # handle 5
        type ipv4_addr . inet_service
    }

    map ends { # handle 6
        type inet_service : verdict
    }

    chain extra { # handle 1
        udp sport != 1024-65535 return # handle 7
        ip daddr 203.0.113.10 counter reject with icmp admin-prohibited # handle 8
    }

    chain input { # handle 2
        type filter hook input priority filter; policy drop;
        ct state vmap { invalid : drop, established : accept, related : accept } # handle 10
        iifname { "lo", "mgmt*" } accept # handle 12
        ip saddr @banned drop # handle 13
        ip saddr . tcp dport @pairs accept # handle 14
        tcp flags != syn / fin,syn,rst,ack ct state new drop # handle 15
        udp dport vmap @ends # handle 16
        tcp dport @web accept # handle 17
        udp dport 50000-60000 limit rate over 1000/second drop comment "no, floods" # handle 18
        udp dport { 443, 50000-60000 } accept # handle 20
    }
}
table netdev early { # handle 2
    chain ingress { # handle 1
        type filter hook ingress device "lo" priority -500; policy accept;
        udp dport != 53 drop # handle 2
    }
}
"""
# The zone public, in which the interface is by default
FIREWALLD_JSON = r"""{"nftables": [
{"table": {"family": "inet", "name": "firewalld", "handle": 3}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_PREROUTING", "handle": 21, "type": "filter",
  "hook": "prerouting", "prio": 10, "policy": "accept"}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_INPUT", "handle": 22, "type": "filter",
  "hook": "input", "prio": 10, "policy": "accept"}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_OUTPUT", "handle": 24, "type": "filter",
  "hook": "output", "prio": 10, "policy": "accept"}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_INPUT_POLICIES_pre", "handle": 30}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_INPUT_ZONES", "handle": 31}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_IN_public", "handle": 59}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_IN_public_allow", "handle": 63}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_IN_policy_allow-host-ipv6", "handle": 135}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_PREROUTING", "handle": 54, "expr": [{"match":
  {"op": "==", "left": {"payload": {"protocol": "icmpv6", "field": "type"}}, "right": {"set":
  ["nd-router-advert", "nd-neighbor-solicit"]}}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_PREROUTING", "handle": 52, "expr": [{"match":
  {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv6"}}, {"match": {"op": "==", "left": {"fib":
  {"result": "oif", "flags": ["saddr", "mark", "iif"]}}, "right": false}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT", "handle": 26, "expr": [{"match":
  {"op": "==", "left": {"ct": {"key": "state"}}, "right": {"set": ["established", "related"]}}}, {"accept":
  null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT", "handle": 27, "expr": [{"match":
  {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT", "handle": 28, "expr": [{"match":
  {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT", "handle": 29, "expr": [{"match":
  {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT", "handle": 33, "expr": [{"jump":
  {"target": "filter_INPUT_ZONES"}}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT", "handle": 34, "expr": [{"reject":
  {"type": "icmpx", "expr": "admin-prohibited"}}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_OUTPUT", "handle": 46, "expr": [{"match":
  {"op": "==", "left": {"ct": {"key": "state"}}, "right": {"set": ["established", "related"]}}}, {"accept":
  null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_OUTPUT", "handle": 47, "expr": [{"match":
  {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "lo"}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT_POLICIES_pre", "handle": 168, "expr":
  [{"jump": {"target": "filter_IN_policy_allow-host-ipv6"}}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_INPUT_ZONES", "handle": 130, "expr":
  [{"goto": {"target": "filter_IN_public"}}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_IN_public", "handle": 65, "expr": [{"jump":
  {"target": "filter_INPUT_POLICIES_pre"}}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_IN_public", "handle": 69, "expr": [{"jump":
  {"target": "filter_IN_public_allow"}}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_IN_public", "handle": 129, "expr": [{"match":
  {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["icmp", "ipv6-icmp"]}}}, {"accept":
  null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_IN_public", "handle": 72, "expr": [{"reject":
  {"type": "icmpx", "expr": "admin-prohibited"}}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_IN_public_allow", "handle": 73, "expr":
  [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept":
  null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_IN_public_allow", "handle": 74, "expr":
  [{"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "daddr"}}, "right": {"prefix":
  {"addr": "fe80::", "len": 64}}}}, {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field":
  "dport"}}, "right": 546}}, {"accept": null}]}}
]}
"""
FIREWALLD_LISTING = r"""table inet firewalld { # handle 3
    chain filter_PREROUTING { # handle 21
        type filter hook prerouting priority filter + 10; policy accept;
        icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept # handle 54
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop # handle 52
    }
    chain filter_INPUT { # handle 22
        type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept # handle 26
        ct status dnat accept # handle 27
        iifname "lo" accept # handle 28
        ct state invalid drop # handle 29
        jump filter_INPUT_ZONES # handle 33
        reject with icmpx admin-prohibited # handle 34
    }
    chain filter_OUTPUT { # handle 24
        type filter hook output priority filter + 10; policy accept;
        ct state { established, related } accept # handle 46
        oifname "lo" accept # handle 47
    }
    chain filter_INPUT_POLICIES_pre { # handle 30
        jump filter_IN_policy_allow-host-ipv6 # handle 168
    }
    chain filter_INPUT_ZONES { # handle 31
        goto filter_IN_public # handle 130
    }
    chain filter_IN_public { # handle 59
        jump filter_INPUT_POLICIES_pre # handle 65
        jump filter_IN_public_allow # handle 69
        meta l4proto { icmp, ipv6-icmp } accept # handle 129
        reject with icmpx admin-prohibited # handle 72
    }
    chain filter_IN_public_allow { # handle 63
        tcp dport 22 accept # handle 73
        ip6 daddr fe80::/64 udp dport 546 accept # handle 74
    }
    chain filter_IN_policy_allow-host-ipv6 { # handle 135
    }
}
"""
# ufw with `allow 22/tcp` and `allow 80,443/tcp`: iptables-nft-save
UFW_SAVED = r"""*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-after-input - [0:0]
:ufw-after-logging-input - [0:0]
:ufw-after-logging-output - [0:0]
:ufw-after-output - [0:0]
:ufw-before-input - [0:0]
:ufw-before-logging-input - [0:0]
:ufw-before-logging-output - [0:0]
:ufw-before-output - [0:0]
:ufw-logging-deny - [0:0]
:ufw-not-local - [0:0]
:ufw-reject-input - [0:0]
:ufw-reject-output - [0:0]
:ufw-skip-to-policy-input - [0:0]
:ufw-skip-to-policy-output - [0:0]
:ufw-user-input - [0:0]
:ufw-user-limit - [0:0]
:ufw-user-logging-input - [0:0]
:ufw-user-logging-output - [0:0]
:ufw-user-output - [0:0]
-A INPUT -j ufw-before-logging-input
-A INPUT -j ufw-before-input
-A INPUT -j ufw-after-input
-A INPUT -j ufw-after-logging-input
-A INPUT -j ufw-reject-input
-A OUTPUT -j ufw-before-logging-output
-A OUTPUT -j ufw-before-output
-A OUTPUT -j ufw-after-output
-A OUTPUT -j ufw-after-logging-output
-A OUTPUT -j ufw-reject-output
-A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
-A ufw-after-input -p udp -m udp --dport 138 -j ufw-skip-to-policy-input
-A ufw-after-input -p tcp -m tcp --dport 139 -j ufw-skip-to-policy-input
-A ufw-after-input -p tcp -m tcp --dport 445 -j ufw-skip-to-policy-input
-A ufw-after-input -p udp -m udp --dport 67 -j ufw-skip-to-policy-input
-A ufw-after-input -p udp -m udp --dport 68 -j ufw-skip-to-policy-input
-A ufw-after-input -m addrtype --dst-type BROADCAST -j ufw-skip-to-policy-input
-A ufw-after-logging-input -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp -m icmp --icmp-type 3 -j ACCEPT
-A ufw-before-input -p icmp -m icmp --icmp-type 11 -j ACCEPT
-A ufw-before-input -p icmp -m icmp --icmp-type 12 -j ACCEPT
-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
-A ufw-before-input -j ufw-not-local
-A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
-A ufw-before-input -d 239.255.255.250/32 -p udp -m udp --dport 1900 -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-before-output -o lo -j ACCEPT
-A ufw-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-output -j ufw-user-output
-A ufw-logging-deny -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
-A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
-A ufw-not-local -j DROP
-A ufw-skip-to-policy-input -j DROP
-A ufw-skip-to-policy-output -j ACCEPT
-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT
-A ufw-user-limit -m limit --limit 3/min -j LOG --log-prefix "[UFW LIMIT BLOCK] "
-A ufw-user-limit -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""
# ufw with IPV6=no in /etc/default/ufw: ip6tables-nft-save
UFW_WITHOUT_IPV6_SAVED = r"""*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
COMMIT
"""
# A REJECT before the ACCEPT: iptables-nft-save, and what nft makes of it
REJECT_SAVED = r"""# Generated by iptables-nft-save v1.8.9 (nf_tables) on Sun Nov 22 15:12:28 2026
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A INPUT -p udp -m multiport --dports 443,50000:60000 -m comment --comment "plug \"N\" meet" -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443,7881 -j ACCEPT
COMMIT
"""
REJECT_JSON = r"""{"nftables": [
{"table": {"family": "ip", "name": "filter", "handle": 4}},
{"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 1, "type": "filter", "hook": "input",
  "prio": 0, "policy": "accept"}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 2, "expr": [{"xt": {"type": "match",
  "name": "conntrack"}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}]}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 3, "expr": [{"match": {"op": "==",
  "left": {"meta": {"key": "l4proto"}}, "right": "icmp"}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept":
  null}]}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 4, "expr": [{"match": {"op": "==",
  "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept":
  null}]}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 6, "expr": [{"match": {"op": "==",
  "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}, {"xt": {"type": "match", "name": "conntrack"}},
  {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"counter":
  {"packets": 0, "bytes": 0}}, {"accept": null}]}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 7, "expr": [{"counter": {"packets": 0,
  "bytes": 0}}, {"xt": {"type": "target", "name": "REJECT"}}]}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 8, "expr": [{"match": {"op": "==",
  "left": {"meta": {"key": "l4proto"}}, "right": "udp"}}, {"xt": {"type": "match", "name": "multiport"}}, {"xt":
  {"type": "match", "name": "comment"}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}]}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 9, "expr": [{"match": {"op": "==",
  "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}, {"xt": {"type": "match", "name": "multiport"}},
  {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}]}}
]}
"""
