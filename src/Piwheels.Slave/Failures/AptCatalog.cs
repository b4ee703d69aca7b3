using Piwheels.Slave.Wheels;

namespace Piwheels.Slave.Failures;

/// <summary>
/// Which Debian package has what a build did not find: a header, library, pkg-config module, CMake package or program.
/// From a table of the well known ones, then from dpkg's lists, which have what is installed but was not found. Nothing
/// is executed.
/// </summary>
/// <remarks>
/// The table was written by hand for Debian 12 (bookworm, main), and its packages looked up there. Its keys are a header's
/// place in /usr/include, the names of .pc files, those of libraries without "lib" and ".so", and what cmake's
/// find_package() calls them. Where several packages have one, it is the one that others of Debian build with.
/// </remarks>
internal sealed class AptCatalog(string root = "/")
{
    /// <summary>Package: headers; libraries; pkg-config modules; CMake packages.</summary>
    private static readonly (string Package, string Headers, string Libraries, string Modules, string CMake)[] Table =
    [
        ("default-libmysqlclient-dev", "mysql.h mysql/mysql.h", "mysqlclient", "mysqlclient", ""),
        ("libasound2-dev", "alsa/asoundlib.h", "asound", "alsa", "ALSA"),
        ("libatlas-base-dev", "", "atlas cblas f77blas", "", ""),
        ("libavcodec-dev", "libavcodec/avcodec.h", "avcodec", "libavcodec", ""),
        ("libavdevice-dev", "libavdevice/avdevice.h", "avdevice", "libavdevice", ""),
        ("libavfilter-dev", "libavfilter/avfilter.h", "avfilter", "libavfilter", ""),
        ("libavformat-dev", "libavformat/avformat.h", "avformat", "libavformat", ""),
        ("libavutil-dev", "libavutil/avutil.h", "avutil", "libavutil", ""),
        ("libbluetooth-dev", "bluetooth/bluetooth.h", "bluetooth", "bluez", ""),
        ("libboost-all-dev", "boost/config.hpp boost/version.hpp boost/python.hpp boost/shared_ptr.hpp", "boost_system boost_python3 boost_filesystem boost_thread", "", "Boost"),
        ("libbrotli-dev", "brotli/decode.h brotli/encode.h", "brotlidec brotlienc", "libbrotlidec libbrotlienc", ""),
        ("libbz2-dev", "bzlib.h", "bz2", "", "BZip2"),
        ("libcairo2-dev", "cairo.h cairo/cairo.h", "cairo", "cairo", ""),
        ("libcap-dev", "sys/capability.h", "cap", "libcap", ""),
        ("libcups2-dev", "cups/cups.h cups/http.h", "cups", "cups", "Cups"),
        ("libcurl4-openssl-dev", "curl/curl.h", "curl", "libcurl", "CURL"),
        ("libdb-dev", "db.h", "db", "", ""),
        ("libdbus-1-dev", "dbus/dbus.h", "dbus-1", "dbus-1", "DBus1"),
        ("libedit-dev", "editline/readline.h", "edit", "libedit", ""),
        ("libeigen3-dev", "Eigen/Core eigen3/Eigen/Core Eigen/Dense", "", "eigen3", "Eigen3"),
        ("libenchant-2-dev", "enchant.h", "enchant-2", "enchant-2", ""),
        ("libev-dev", "ev.h", "ev", "", ""),
        ("libevent-dev", "event.h event2/event.h", "event", "libevent", ""),
        ("libexpat1-dev", "expat.h", "expat", "expat", "EXPAT"),
        ("libffi-dev", "ffi.h", "ffi", "libffi", ""),
        ("libfftw3-dev", "fftw3.h", "fftw3", "fftw3", ""),
        ("libfreetype-dev", "ft2build.h freetype2/ft2build.h freetype/freetype.h", "freetype", "freetype2", "Freetype"),
        ("libfuse-dev", "fuse.h", "fuse", "fuse", ""),
        ("libfuse3-dev", "fuse3/fuse.h", "fuse3", "fuse3", ""),
        ("libgdal-dev", "gdal.h gdal/gdal.h ogr_api.h cpl_conv.h", "gdal", "gdal", "GDAL"),
        ("libgeos-dev", "geos_c.h", "geos_c geos", "geos", "GEOS"),
        ("libgirepository1.0-dev", "girepository.h", "girepository-1.0", "gobject-introspection-1.0", ""),
        ("libglib2.0-dev", "glib.h glib-2.0/glib.h", "glib-2.0", "glib-2.0 gobject-2.0 gio-2.0", ""),
        ("libgmp-dev", "gmp.h", "gmp", "gmp", ""),
        ("libgpgme-dev", "gpgme.h", "gpgme", "gpgme", ""),
        ("libgphoto2-dev", "gphoto2/gphoto2.h", "gphoto2", "libgphoto2", ""),
        ("libgpiod-dev", "gpiod.h", "gpiod", "libgpiod", ""),
        ("libgraphviz-dev", "graphviz/cgraph.h", "cgraph", "libcgraph", ""),
        ("libgsl-dev", "gsl/gsl_math.h", "gsl", "gsl", "GSL"),
        ("libgstreamer1.0-dev", "gst/gst.h", "gstreamer-1.0", "gstreamer-1.0", ""),
        ("libgtk-3-dev", "gtk/gtk.h", "gtk-3", "gtk+-3.0", ""),
        ("libhdf5-dev", "hdf5.h", "hdf5", "hdf5", "HDF5"),
        ("libi2c-dev", "i2c/smbus.h", "i2c", "", ""),
        ("libicu-dev", "unicode/utypes.h unicode/uversion.h", "icuuc icui18n", "icu-i18n icu-uc", "ICU"),
        ("libimagequant-dev", "libimagequant.h", "imagequant", "imagequant", ""),
        ("libjack-jackd2-dev", "jack/jack.h", "jack", "jack", ""),
        ("libjpeg-dev", "jpeglib.h", "jpeg", "libjpeg", "JPEG"),
        ("libkrb5-dev", "krb5.h gssapi.h gssapi/gssapi.h", "krb5 gssapi_krb5", "krb5 krb5-gssapi", ""),
        ("liblapack-dev", "", "lapack", "lapack", "LAPACK"),
        ("liblcms2-dev", "lcms2.h", "lcms2", "lcms2", ""),
        ("libldap-dev", "ldap.h lber.h", "ldap lber ldap_r", "ldap", ""),
        ("libleveldb-dev", "leveldb/db.h leveldb/c.h", "leveldb", "leveldb", ""),
        ("liblmdb-dev", "lmdb.h", "lmdb", "lmdb", ""),
        ("liblz4-dev", "lz4.h lz4frame.h", "lz4", "liblz4", ""),
        ("liblzma-dev", "lzma.h", "lzma", "liblzma", "LibLZMA"),
        ("liblzo2-dev", "lzo/lzo1.h lzo/lzoconf.h", "lzo2", "lzo2", ""),
        ("libmagic-dev", "magic.h", "magic", "libmagic", ""),
        ("libmagickwand-dev", "wand/MagickWand.h MagickWand/MagickWand.h", "MagickWand", "MagickWand", "ImageMagick"),
        ("libmaxminddb-dev", "maxminddb.h", "maxminddb", "libmaxminddb", ""),
        ("libmemcached-dev", "libmemcached/memcached.h", "memcached", "libmemcached", ""),
        ("libmpc-dev", "mpc.h", "mpc", "", ""),
        ("libmpfr-dev", "mpfr.h", "mpfr", "mpfr", ""),
        ("libmtdev-dev", "mtdev.h", "mtdev", "mtdev", ""),
        ("libncurses-dev", "curses.h ncurses.h", "ncurses curses ncursesw tinfo", "ncurses ncursesw", "Curses"),
        ("libnetcdf-dev", "netcdf.h", "netcdf", "netcdf", "netCDF"),
        ("libnfnetlink-dev", "libnfnetlink/libnfnetlink.h", "nfnetlink", "libnfnetlink", ""),
        ("libnetfilter-queue-dev", "libnetfilter_queue/libnetfilter_queue.h", "netfilter_queue", "libnetfilter_queue", ""),
        ("libogg-dev", "ogg/ogg.h", "ogg", "ogg", ""),
        ("libopenblas-dev", "cblas.h", "openblas blas", "openblas blas", "BLAS OpenBLAS"),
        ("libopencv-dev", "opencv2/core.hpp opencv2/opencv.hpp", "opencv_core", "opencv4", "OpenCV"),
        ("libopenjp2-7-dev", "openjpeg.h", "openjp2", "libopenjp2", "OpenJPEG"),
        ("libopenmpi-dev", "mpi.h", "mpi", "ompi", "MPI"),
        ("libopus-dev", "opus/opus.h opus.h", "opus", "opus", ""),
        ("libpango1.0-dev", "pango/pango.h", "pango-1.0", "pango pangocairo", ""),
        ("libpcap-dev", "pcap.h pcap/pcap.h", "pcap", "libpcap", ""),
        ("libpcre2-dev", "pcre2.h", "pcre2-8", "libpcre2-8", ""),
        ("libpcre3-dev", "pcre.h", "pcre", "libpcre", ""),
        ("libpng-dev", "png.h", "png png16", "libpng libpng16", "PNG"),
        ("libpoppler-cpp-dev", "poppler/cpp/poppler-document.h", "poppler-cpp", "poppler-cpp", ""),
        ("libpq-dev", "libpq-fe.h postgres_ext.h", "pq", "libpq", "PostgreSQL"),
        ("libproj-dev", "proj.h proj_api.h", "proj", "proj", "PROJ"),
        ("libprotobuf-dev", "google/protobuf/message.h", "protobuf", "protobuf", "Protobuf"),
        ("libpulse-dev", "pulse/pulseaudio.h pulse/simple.h", "pulse", "libpulse", "PulseAudio"),
        ("libqpdf-dev", "qpdf/QPDF.hh qpdf/Constants.h", "qpdf", "libqpdf", ""),
        ("libre2-dev", "re2/re2.h", "re2", "re2", ""),
        ("libreadline-dev", "readline/readline.h readline.h", "readline", "readline", ""),
        ("librocksdb-dev", "rocksdb/db.h rocksdb/slice.h", "rocksdb", "rocksdb", ""),
        ("librdkafka-dev", "librdkafka/rdkafka.h", "rdkafka", "rdkafka", "RdKafka"),
        ("libsasl2-dev", "sasl/sasl.h", "sasl2", "libsasl2", ""),
        ("libsdl2-dev", "SDL.h SDL2/SDL.h", "SDL2", "sdl2", "SDL2"),
        ("libsdl2-image-dev", "SDL_image.h SDL2/SDL_image.h", "SDL2_image", "SDL2_image", ""),
        ("libsdl2-mixer-dev", "SDL_mixer.h SDL2/SDL_mixer.h", "SDL2_mixer", "SDL2_mixer", ""),
        ("libsdl2-ttf-dev", "SDL_ttf.h SDL2/SDL_ttf.h", "SDL2_ttf", "SDL2_ttf", ""),
        ("libseccomp-dev", "seccomp.h", "seccomp", "libseccomp", ""),
        ("libsecp256k1-dev", "secp256k1.h", "secp256k1", "libsecp256k1", ""),
        ("libselinux1-dev", "selinux/selinux.h", "selinux", "libselinux", ""),
        ("libsnappy-dev", "snappy.h snappy-c.h", "snappy", "snappy", "Snappy"),
        ("libsndfile1-dev", "sndfile.h", "sndfile", "sndfile", "SndFile"),
        ("libsodium-dev", "sodium.h", "sodium", "libsodium", ""),
        ("libspatialindex-dev", "spatialindex/capi/sidx_api.h", "spatialindex_c", "libspatialindex", ""),
        ("libsqlite3-dev", "sqlite3.h", "sqlite3", "sqlite3", "SQLite3"),
        ("libssh-dev", "libssh/libssh.h", "ssh", "libssh", ""),
        ("libssh2-1-dev", "libssh2.h", "ssh2", "libssh2", ""),
        ("libssl-dev", "openssl/ssl.h openssl/opensslv.h openssl/crypto.h openssl/evp.h openssl/err.h openssl/sha.h openssl/aes.h", "ssl crypto", "openssl libssl libcrypto", "OpenSSL"),
        ("libswscale-dev", "libswscale/swscale.h", "swscale", "libswscale", ""),
        ("libsystemd-dev", "systemd/sd-daemon.h systemd/sd-journal.h", "systemd", "libsystemd libsystemd-journal", ""),
        ("libtag1-dev", "taglib/tag.h", "tag", "taglib", ""),
        ("libtesseract-dev", "tesseract/baseapi.h", "tesseract", "tesseract", ""),
        ("libleptonica-dev", "leptonica/allheaders.h", "lept", "lept", ""),
        ("libtiff-dev", "tiff.h tiffio.h", "tiff", "libtiff-4", "TIFF"),
        ("libturbojpeg0-dev", "turbojpeg.h", "turbojpeg", "libturbojpeg", ""),
        ("libudev-dev", "libudev.h", "udev", "libudev", ""),
        ("libusb-1.0-0-dev", "libusb.h libusb-1.0/libusb.h", "usb-1.0", "libusb-1.0", ""),
        ("libuv1-dev", "uv.h", "uv", "libuv", ""),
        ("libvirt-dev", "libvirt/libvirt.h libvirt/virterror.h", "virt", "libvirt", ""),
        ("libvorbis-dev", "vorbis/codec.h", "vorbis", "vorbis", ""),
        ("libvpx-dev", "vpx/vpx_codec.h", "vpx", "vpx", ""),
        ("libwebp-dev", "webp/decode.h webp/encode.h", "webp", "libwebp", ""),
        ("libx11-dev", "X11/Xlib.h X11/Xutil.h X11/X.h", "X11", "x11", "X11"),
        ("libxcb1-dev", "xcb/xcb.h", "xcb", "xcb", ""),
        ("libxext-dev", "X11/extensions/XShm.h", "Xext", "xext", ""),
        ("libxml2-dev", "libxml/xmlversion.h libxml/tree.h libxml/parser.h libxml/xpath.h", "xml2", "libxml-2.0", "LibXml2"),
        ("libxmlsec1-dev", "xmlsec/xmlsec.h", "xmlsec1", "xmlsec1", ""),
        ("libxslt1-dev", "libxslt/xslt.h libxslt/xsltconfig.h", "xslt exslt", "libxslt libexslt", "LibXslt"),
        ("libxtst-dev", "X11/extensions/XTest.h", "Xtst", "xtst", ""),
        ("libxxhash-dev", "xxhash.h", "xxhash", "libxxhash", ""),
        ("libyaml-dev", "yaml.h", "yaml", "yaml-0.1", ""),
        ("libzbar-dev", "zbar.h", "zbar", "zbar", ""),
        ("libzmq3-dev", "zmq.h", "zmq", "libzmq", "ZeroMQ"),
        ("libzstd-dev", "zstd.h", "zstd", "libzstd", ""),
        ("linux-libc-dev", "linux/i2c-dev.h linux/input.h linux/spi/spidev.h linux/gpio.h", "", "", ""),
        ("portaudio19-dev", "portaudio.h", "portaudio", "portaudio-2.0", ""),
        ("pybind11-dev", "pybind11/pybind11.h", "", "pybind11", "pybind11"),
        ("python3-dev", "Python.h pyconfig.h", "python3", "python3 python3-embed", "PythonLibs"),
        ("qtbase5-dev", "QtCore/QtCore", "Qt5Core", "Qt5Core", "Qt5 Qt5Core"),
        ("rapidjson-dev", "rapidjson/rapidjson.h rapidjson/document.h", "", "RapidJSON", "RapidJSON"),
        ("tcl-dev", "tcl.h", "tcl8.6", "tcl", "TCL"),
        ("tk-dev", "tk.h", "tk8.6", "tk", ""),
        ("unixodbc-dev", "sql.h sqlext.h", "odbc", "odbc", "ODBC"),
        ("uuid-dev", "uuid/uuid.h", "uuid", "uuid", ""),
        ("zlib1g-dev", "zlib.h zconf.h", "z zlib", "zlib", "ZLIB"),
    ];

    private static readonly (string Program, string Package)[] Programs =
    [
        ("ar", "binutils"), ("as", "binutils"), ("ld", "binutils"), ("autoconf", "autoconf"), ("autoreconf", "autoconf"),
        ("automake", "automake"), ("aclocal", "automake"), ("bison", "bison"), ("yacc", "bison"), ("c++", "g++"), ("cc", "gcc"),
        ("clang", "clang"), ("clang++", "clang"), ("cmake", "cmake"), ("cargo", "cargo"), ("rustc", "rustc"), ("rust", "rustc"),
        ("curl-config", "libcurl4-openssl-dev"), ("cups-config", "libcups2-dev"), ("curl", "curl"), ("cython", "cython3"),
        ("flex", "flex"), ("freetype-config", "libfreetype-dev"), ("g++", "g++"), ("gcc", "gcc"), ("gdal-config", "libgdal-dev"),
        ("geos-config", "libgeos-dev"), ("gfortran", "gfortran"), ("f77", "gfortran"), ("f95", "gfortran"), ("git", "git"),
        ("go", "golang-go"), ("gpgme-config", "libgpgme-dev"), ("gsl-config", "libgsl-dev"), ("icu-config", "libicu-dev"),
        ("java", "default-jdk-headless"), ("javac", "default-jdk-headless"), ("krb5-config", "libkrb5-dev"),
        ("libpng-config", "libpng-dev"), ("libtool", "libtool"), ("libtoolize", "libtool"), ("llvm-config", "llvm-dev"),
        ("m4", "m4"), ("make", "make"), ("gmake", "make"), ("mariadb_config", "libmariadb-dev"), ("meson", "meson"),
        ("mpicc", "libopenmpi-dev"), ("mysql_config", "default-libmysqlclient-dev"), ("nasm", "nasm"), ("nc-config", "libnetcdf-dev"),
        ("ninja", "ninja-build"), ("node", "nodejs"), ("npm", "npm"), ("patch", "patch"), ("patchelf", "patchelf"),
        ("pcre-config", "libpcre3-dev"), ("perl", "perl"), ("pg_config", "libpq-dev"), ("pkg-config", "pkg-config"),
        ("pkgconf", "pkg-config"), ("protoc", "protobuf-compiler"), ("qmake", "qt5-qmake"), ("sdl2-config", "libsdl2-dev"),
        ("svn", "subversion"), ("swig", "swig"), ("wget", "wget"), ("xml2-config", "libxml2-dev"), ("xslt-config", "libxslt1-dev"),
        ("cmake_c_compiler", "gcc"), ("cmake_cxx_compiler", "g++"), ("cmake_fortran_compiler", "gfortran"),
    ];

    private static readonly Dictionary<(MissingKind Kind, string Name), string> Known = ReadTable();

    /// <summary>The package that has it; null where that is not known.</summary>
    public string? Of(MissingKind kind, string name)
    {
        if (kind == MissingKind.Nothing || name.Length == 0) return null;
        if (kind == MissingKind.PkgConfig) name = name.Split(' ')[0]; // "libsystemd >= 230"
        if (kind == MissingKind.Program) name = Path.GetFileName(name).ToLowerInvariant();
        if (Known.TryGetValue((kind, name), out var package)) return package;
        // What a script calls a library is its own affair: jpeg, libjpeg
        if (kind == MissingKind.Library && Known.TryGetValue((MissingKind.PkgConfig, name), out package)) return package;
        return kind == MissingKind.Header && name.Contains('.', StringComparison.Ordinal)
            ? LibraryOwners.FindOwner(new SystemRoot(root), $"/{name}", "/usr/include/")
            : null;
    }

    private static Dictionary<(MissingKind Kind, string Name), string> ReadTable()
    {
        var known = new Dictionary<(MissingKind Kind, string Name), string>();
        foreach (var (package, headers, libraries, modules, cmake) in Table)
        {
            Add(MissingKind.Header, headers, package);
            Add(MissingKind.Library, libraries, package);
            Add(MissingKind.PkgConfig, modules, package);
            Add(MissingKind.CMake, cmake, package);
        }

        foreach (var (program, package) in Programs) known.Add((MissingKind.Program, program), package);
        return known;

        void Add(MissingKind kind, string names, string package)
        {
            foreach (var name in names.Split(' ', StringSplitOptions.RemoveEmptyEntries)) known.Add((kind, name), package);
        }
    }
}
