# Sourced: how the image's programs are compiled and linked. Debian's hardening
# (dpkg-buildflags), one static file a program that is loaded at a random address.
hardened="-fstack-protector-strong -Wformat -Werror=format-security -D_FORTIFY_SOURCE=2 \
    -ffunction-sections -fdata-sections"
linked="-static-pie -Wl,-z,relro,-z,now,-z,pack-relative-relocs -Wl,--gc-sections -Wl,--build-id=none"
