#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes the lab's server one on which nothing was ever installed: without haproxy, to dpkg too, and without plugNmeet. That
# apache2 and nginx are there, which other situations switch on, dpkg does not know until haproxy is back.
# There is no package archive and no Let's Encrypt in the lab, so it gets an `apt` that brings haproxy back from where it
# was put aside, and a `certbot` that asks the outside host.
set -eu
aside=/var/lib/lab-aside
[ ! -e "$aside" ] || exit 0

systemctl stop plugnmeet haproxy
systemctl --quiet disable plugnmeet
mkdir "$aside"
mv /etc/haproxy "$aside/etc-haproxy"
mv /usr/sbin/haproxy "$aside/usr-sbin-haproxy"
mv /lib/systemd/system/haproxy.service /opt/plugnmeet "$aside/"
mv /etc/systemd/system/plugnmeet.service "$aside/"
systemctl daemon-reload
cp /var/lib/dpkg/status "$aside/dpkg-status"
awk -v RS= -v ORS='\n\n' '!/^Package: (apache2|haproxy|nginx)\n/' "$aside/dpkg-status" >/var/lib/dpkg/status

cat >/usr/local/sbin/apt <<'END'
#!/bin/sh -e
# Stands in for apt: there is one package.
[ "$*" = '-y install haproxy' ]
cp -a /var/lib/lab-aside/haproxy.service /lib/systemd/system/
cp -a /var/lib/lab-aside/usr-sbin-haproxy /usr/sbin/haproxy
cp /var/lib/lab-aside/dpkg-status /var/lib/dpkg/status
mkdir /etc/haproxy
systemctl daemon-reload
END
chmod 755 /usr/local/sbin/apt
