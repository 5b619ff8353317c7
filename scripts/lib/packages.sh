# The Debian 12 packages that Plumbline needs: the one place where they are listed. Sourced.

# To build and to check.
PLUMB_BUILD_PACKAGES=(
  g++ cmake ninja-build ccache mold pkg-config clang-format git ca-certificates
  libyaml-cpp-dev libvalijson-dev libboost1.81-dev libboost-json1.81-dev libldap-dev libsasl2-dev
  libspdlog-dev libfmt-dev libgtest-dev libgmock-dev libcli11-dev libsqlite3-dev libre2-dev libssl-dev
  libexpected-dev libsystemd-dev tzdata libgit2-dev zlib1g-dev libzip-dev libtomlplusplus-dev
)
# What the Git source runs (openssh-client, gnupg), and remotes for its tests.
PLUMB_GIT_PACKAGES=(git openssh-client gnupg openssh-server lighttpd lighttpd-mod-openssl openssl)
# To run a throwaway Active Directory domain (Samba) and to look at it.
PLUMB_RUN_PACKAGES=(
  samba samba-dsdb-modules samba-ad-provision python3-samba openssl ldap-utils krb5-user
  libsasl2-modules-gssapi-mit procps iproute2
)
# Real servers that the tests of integrations talk to, none of them started by the system; what makes packages and a
# Debian to try them in.
PLUMB_PEER_PACKAGES=(
  curl nginx-light squid rsyslog rsyslog-openssl glewlwyd sqlite3 python3-botocore age python3-cryptography python3-yaml unzip
  debootstrap dpkg-dev systemd
)
