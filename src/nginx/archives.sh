# Sourced: what a link of the module with BUILD_DIR's archives needs, for nginx's build.
#   $build      BUILD_DIR
#   $libraries  the archives and libraries, in order
#   $exact      the compiler's flags that keep arithmetic exact, as meson.build has them

libraries="$build/librowan_serving.a $build/librowan_core.a"
[ -f "$build/libyyjson.a" ] && libraries="$libraries $build/libyyjson.a" ||
    libraries="$libraries $(pkg-config --libs yyjson)"
exact=$(cat "$build/exact-flags")

# nginx's Makefile does not know that the archives are inputs.
forget_if_older() { # FILE
    local library
    for library in $libraries ${ROWAN_WITH-}; do
        case $library in
        /*) [ "$library" -nt "$1" ] && rm -f "$1" ;;
        esac
    done
    return 0
}
