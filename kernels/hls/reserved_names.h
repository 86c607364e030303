#pragma once

#include <string_view>

namespace strobe::hls {

/// Functions and types outside any namespace that the C library's headers declare (with a C++14 compiler of GNU, as
/// g++ compiles kernels), and what the emulation's library calls things of its own: a kernel, which is a function
/// outside any namespace too, cannot have these names. Each with a blank behind. Types that end in _t and the
/// language's words are not among them.
constexpr std::string_view kReservedForKernels =
    "a64l abort aligned_alloc alloca arc4random arc4random_buf arc4random_uniform asprintf atexit atof atoi atol "
    "atoll bcmp bcopy bsearch btowc bzero calloc canonicalize_file_name clearenv clearerr clearerr_unlocked "
    "const_cast ctermid cuserid div dprintf drand48 drand48_r duplocale ecvt ecvt_r erand48 erand48_r "
    "explicit_bzero fclose fcloseall fcvt fcvt_r fd_mask fd_set fdopen feof feof_unlocked ferror ferror_unlocked "
    "fflush fflush_unlocked ffs ffsl ffsll fgetc fgetc_unlocked fgetpos fgetpos64 fgets fgets_unlocked fgetwc "
    "fgetwc_unlocked fgetws fgetws_unlocked fileno fileno_unlocked flockfile fmemopen fopen fopen64 fopencookie "
    "fprintf fputc fputc_unlocked fputs fputs_unlocked fputwc fputwc_unlocked fputws fputws_unlocked fread "
    "fread_unlocked freelocale freopen freopen64 fscanf fseek fseeko fseeko64 fsetpos fsetpos64 ftell ftello "
    "ftello64 ftrylockfile funlockfile fwide fwprintf fwrite fwrite_unlocked fwscanf gcvt getc getc_unlocked "
    "getchar getchar_unlocked getdelim getenv getline getloadavg getpt getsubopt getw getwc getwc_unlocked getwchar "
    "getwchar_unlocked grantpt initstate initstate_r isalnum isalnum_l isalpha isalpha_l isascii isblank isblank_l "
    "iscntrl iscntrl_l isctype isdigit isdigit_l isgraph isgraph_l islower islower_l isprint isprint_l ispunct "
    "ispunct_l isspace isspace_l isupper isupper_l isxdigit isxdigit_l jrand48 jrand48_r kernels l64a labs lcong48 "
    "lcong48_r ldiv library llabs lldiv localeconv lrand48 lrand48_r mblen mbrlen mbrtowc mbsinit mbsnrtowcs "
    "mbsrtowcs mbstowcs mbtowc memccpy memcmp memcpy memfrob memmem memmove mempcpy memset mkdtemp mkostemp "
    "mkostemp64 mkostemps mkostemps64 mkstemp mkstemp64 mkstemps mkstemps64 mktemp mrand48 mrand48_r newlocale "
    "nrand48 nrand48_r obstack_printf obstack_vprintf on_exit open_memstream open_wmemstream pclose perror popen "
    "posix_memalign posix_openpt program_invocation_name program_invocation_short_name pselect ptsname ptsname_r "
    "putc putc_unlocked putchar putchar_unlocked putenv putw putwc putwc_unlocked putwchar putwchar_unlocked qecvt "
    "qecvt_r qfcvt qfcvt_r qgcvt qsort qsort_r quick_exit rand rand_r random random_r realloc reallocarray realpath "
    "reinterpret_cast remainder renameat renameat2 rewind rpmatch scanf secure_getenv seed48 seed48_r select setbuf "
    "setbuffer setenv setlinebuf setlocale setstate setstate_r setvbuf sigabbrev_np sigdescr_np snprintf sprintf "
    "srand srand48 srand48_r srandom srandom_r sscanf static_assert static_cast stpcpy stpncpy strcasecmp "
    "strcasecmp_l strcat strcmp strcoll strcoll_l strcpy strcspn strdup strerror strerror_l strerror_r "
    "strerrordesc_np strerrorname_np strfromd strfromf strfromf128 strfromf32 strfromf32x strfromf64 strfromf64x "
    "strfroml strfry strlen strncasecmp strncasecmp_l strncat strncmp strncpy strndup strnlen strsep strsignal "
    "strspn strtod strtod_l strtof strtof128 strtof128_l strtof32 strtof32_l strtof32x strtof32x_l strtof64 "
    "strtof64_l strtof64x strtof64x_l strtof_l strtok strtok_r strtol strtol_l strtold strtold_l strtoll strtoll_l "
    "strtoq strtoul strtoul_l strtoull strtoull_l strtouq strverscmp strxfrm strxfrm_l swprintf swscanf tempnam "
    "tmpfile tmpfile64 tmpnam tmpnam_r toascii tolower tolower_l toupper toupper_l u_char u_int u_long u_short uint "
    "ulong ungetc ungetwc unlockpt unsetenv uselocale ushort va_list valloc vasprintf vdprintf vfprintf vfscanf "
    "vfwprintf vfwscanf vprintf vscanf vsnprintf vsprintf vsscanf vswprintf vswscanf vwprintf vwscanf wcpcpy "
    "wcpncpy wcrtomb wcscasecmp wcscasecmp_l wcscat wcschrnul wcscmp wcscoll wcscoll_l wcscpy wcscspn wcsdup "
    "wcsftime wcsftime_l wcslen wcsncasecmp wcsncasecmp_l wcsncat wcsncmp wcsncpy wcsnlen wcsnrtombs wcsrtombs "
    "wcsspn wcstod wcstod_l wcstof wcstof128 wcstof128_l wcstof32 wcstof32_l wcstof32x wcstof32x_l wcstof64 "
    "wcstof64_l wcstof64x wcstof64x_l wcstof_l wcstok wcstol wcstol_l wcstold wcstold_l wcstoll wcstoll_l wcstombs "
    "wcstoq wcstoul wcstoul_l wcstoull wcstoull_l wcstouq wcswidth wcsxfrm wcsxfrm_l wctob wctomb wcwidth wmemcmp "
    "wmemcpy wmemmove wmempcpy wmemset wprintf wscanf ";

}  // namespace strobe::hls
