#pragma once

/// Directives to Vitis HLS, in the vendor's own words: `STROBE_PRAGMA(HLS pipeline II=1)`. Other compilers do not see them.
/// A loop's name in reports: `STROBE_LOOP(inputs) for (...)`.
#if defined(__SYNTHESIS__) || defined(__VITIS_HLS__)
#define STROBE_PRAGMA_TEXT(...) _Pragma(#__VA_ARGS__)
#define STROBE_PRAGMA(...) STROBE_PRAGMA_TEXT(__VA_ARGS__)
#define STROBE_LOOP(name) name:
#else
#define STROBE_PRAGMA(...)
#define STROBE_LOOP(name)
#endif
