#!/bin/bash -e
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Stands in for plugNmeet's official installer: it needs a terminal, asks the same five questions in the same order,
# refuses what that one refuses, gets its certificate by a real http-01 check from the outside host half-way, and cannot
# be run twice. What it installs is the lab's haproxy and the lab's stand-in for plugNmeet. All of it is this lab's own.
# Unlike the official one it does not go on behind an error, and minds what it is answered.

WORK=/opt/plugNmeet
ASIDE=/var/lib/lab-aside

refuse() {
    echo "$1" >&2
    exit 1
}

ask() {
    local answer=
    while [ -z "$answer" ]; do
        echo -n "$1"
        read -r answer
    done
    printf -v "$2" %s "$answer"
}

ask_yes_or_no() {
    ask "$1" "$2"
    [[ ${!2} == [yn] ]] || refuse "The answer was '${!2}', and it is y or n."
}

[ "$EUID" = 0 ] || refuse 'Only root can run this script.'
# shellcheck source=/dev/null
. /etc/os-release
[[ $ID == ubuntu || $ID == debian ]] || refuse "Only Ubuntu and Debian will do, and this is $ID."
for package in apache2 nginx haproxy; do
    ! dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        refuse "The package $package is installed already."
done
clear

domain='' turn='' email='' recorder='' ufw=''
ask 'Please enter plugNmeet server domain (exmple: plugnmeet.example.com): ' domain
ask 'Please enter turn server domain (exmple: turn.example.com): ' turn
ask 'Please enter valid email address: ' email
ask_yes_or_no 'Do you want to install recorder? y/n: ' recorder
ask_yes_or_no 'Do you want to configure firewall(ufw)? y/n: ' ufw

mkdir "$WORK"
cd "$WORK"

echo 'Installing haproxy'
apt -y install haproxy
cat >/etc/haproxy/haproxy.cfg <<END
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend http
    bind *:80
    default_backend certbot
backend certbot
    server certbot 127.0.0.1:9080
END
systemctl start haproxy
certbot --http-01-port=9080 --email="$email" --into=/etc/haproxy/certificate.pem -d "$domain" -d "$turn" ||
    refuse "Let's Encrypt gave no certificate."
cat >>/etc/haproxy/haproxy.cfg <<END
frontend https
    bind *:443 ssl crt /etc/haproxy/certificate.pem
    http-request return status 200 content-type text/plain string "plugNmeet of the lab\n"
END
systemctl restart haproxy

echo 'Installing plugNmeet'
cat >livekit.yaml <<END
port: 7880
rtc:
  port_range_start: 50000
  port_range_end: 60000
  tcp_port: 7881
  use_external_ip: true
turn:
  enabled: true
  udp_port: 443
  tls_port: 5349
  domain: $turn
keys:
  APIlab: lab-livekit-secret
END
[ "$recorder" = n ] || mkdir recorder
cp "$ASIDE/plugnmeet/stand-in.py" .
sed "s,/opt/plugnmeet/stand-in.py,$WORK/stand-in.py --turn," "$ASIDE/plugnmeet.service" >/etc/systemd/system/plugnmeet.service
systemctl daemon-reload
systemctl --quiet enable --now plugnmeet

if [ "$ufw" = y ]; then
    port=$(cut -d ' ' -f 3 <<<"$SSH_CLIENT")
    for rule in "$port/tcp" 80/tcp 443/tcp 7881/tcp 443/udp 50000:60000/udp; do
        ufw allow "$rule"
    done
    ufw --force enable
fi

clear
echo 'Installation completed!'
echo "plugNmeet server URL: https://$domain"
echo 'plugNmeet API KEY: APIofthelab'
echo 'plugNmeet API SECRET: secret-of-the-lab'
