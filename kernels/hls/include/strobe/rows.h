#pragma once

#include "strobe/tensor.h"

/// Rows of containers, back to back, to and from 512-bit words of memory. A row may begin anywhere in a word.
///
/// `config` describes one tensor:
///   size          containers a row
///   container     bits of each (8, 16, 32, 64)
///   event_t       strobe::event of the tensor
///   unpack, pack  (inputs, outputs) functions between `ap_uint<container>[size]` and the numbers
namespace strobe {

typedef ap_uint<512> word;

/// Words that `rows` rows of `row_bits` fill; the last one may be filled in part.
inline ap_uint<64> words_of(ap_uint<32> rows, ap_uint<32> row_bits) {
  const ap_uint<64> bits = rows * row_bits;
  return (bits + 511) >> 9;
}

constexpr int greatest_common_divisor(int a, int b) { return b == 0 ? a : greatest_common_divisor(b, a % b); }

/// How rows lie in words, and so which gearbox fits: whole rows in a word; rows below a word that straddle; longer rows.
enum class row_layout { whole, straddling, long_rows };

template <class config>
struct row_geometry {
  static constexpr int size = config::size;
  static constexpr int container = config::container;
  static constexpr int row_bits = size * container;
  static constexpr int containers_per_word = 512 / container;
  static constexpr row_layout layout = size > containers_per_word         ? row_layout::long_rows
                                       : containers_per_word % size == 0 ? row_layout::whole
                                                                         : row_layout::straddling;
  static constexpr int rows_per_word = size > containers_per_word ? 1 : containers_per_word / size;
  /// Long rows move in beats that divide rows and words alike.
  static constexpr int beat = greatest_common_divisor(size, containers_per_word);
  static constexpr int beats_per_row = size / beat;
  static constexpr int beats_per_word = containers_per_word / beat;
};

/// Reads a tensor's words in one burst after the other.
template <class config>
void load_words(const word* memory, hls::stream<word>& words, ap_uint<32> rows) {
  const ap_uint<64> count = words_of(rows, row_geometry<config>::row_bits);
  STROBE_LOOP(burst) for (ap_uint<64> i = 0; i < count; ++i) {
    STROBE_PRAGMA(HLS pipeline II=1)
    words.write(memory[i]);
  }
}

/// Writes a tensor's words in one burst after the other.
template <class config>
void store_words(hls::stream<word>& words, word* memory, ap_uint<32> rows) {
  const ap_uint<64> count = words_of(rows, row_geometry<config>::row_bits);
  STROBE_LOOP(burst) for (ap_uint<64> i = 0; i < count; ++i) {
    STROBE_PRAGMA(HLS pipeline II=1)
    memory[i] = words.read();
  }
}

template <int Bits, int Size, int Wide>
void split(const ap_uint<Wide>& bits, ap_uint<Bits> row[Size]) {
  STROBE_LOOP(containers) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    row[i] = bits.range(Bits * i + Bits - 1, Bits * i);
  }
}

template <int Wide, int Bits, int Size>
ap_uint<Wide> join(const ap_uint<Bits> row[Size]) {
  ap_uint<Wide> bits = 0;
  STROBE_LOOP(containers) for (int i = 0; i < Size; ++i) {
    STROBE_PRAGMA(HLS unroll)
    bits.range(Bits * i + Bits - 1, Bits * i) = row[i];
  }
  return bits;
}

template <class config, row_layout Layout = row_geometry<config>::layout>
struct gearbox;

/// A word holds whole rows: one row a cycle.
template <class config>
struct gearbox<config, row_layout::whole> {
  typedef row_geometry<config> geometry;
  typedef ap_uint<config::container> container_t;

  static void unpack(hls::stream<word>& words, hls::stream<typename config::event_t>& events, ap_uint<32> rows) {
    word current = 0;
    int left = 0;
    STROBE_LOOP(rows_in) for (ap_uint<32> row = 0; row < rows; ++row) {
      STROBE_PRAGMA(HLS pipeline II=1)
      if (left == 0) {
        current = words.read();
        left = geometry::rows_per_word;
      }
      container_t containers[config::size];
      split<config::container, config::size>(current, containers);
      typename config::event_t event;
      config::unpack(containers, event.data);
      events.write(event);
      current >>= geometry::row_bits % 512;
      --left;
    }
  }

  static void pack(hls::stream<typename config::event_t>& events, hls::stream<word>& words, ap_uint<32> rows) {
    word current = 0;
    int filled = 0;
    STROBE_LOOP(rows_out) for (ap_uint<32> row = 0; row < rows; ++row) {
      STROBE_PRAGMA(HLS pipeline II=1)
      const typename config::event_t event = events.read();
      container_t containers[config::size];
      config::pack(event.data, containers);
      current |= join<512, config::container, config::size>(containers) << (filled * geometry::row_bits);
      ++filled;
      if (filled == geometry::rows_per_word || row == rows - 1) {
        words.write(current);
        current = 0;
        filled = 0;
      }
    }
  }
};

/// Rows shorter than a word that straddle words: one row a cycle through a window of two words.
template <class config>
struct gearbox<config, row_layout::straddling> {
  typedef row_geometry<config> geometry;
  typedef ap_uint<config::container> container_t;
  typedef ap_uint<1024> window_t;

  // Invariant: the low `held` containers of the window are the next ones of the rows; those above are 0.
  static void unpack(hls::stream<word>& words, hls::stream<typename config::event_t>& events, ap_uint<32> rows) {
    window_t window = 0;
    int held = 0;
    STROBE_LOOP(rows_in) for (ap_uint<32> row = 0; row < rows; ++row) {
      STROBE_PRAGMA(HLS pipeline II=1)
      if (held < config::size) {
        window |= window_t(words.read()) << (held * config::container);
        held += geometry::containers_per_word;
      }
      container_t containers[config::size];
      split<config::container, config::size>(window, containers);
      typename config::event_t event;
      config::unpack(containers, event.data);
      events.write(event);
      window >>= geometry::row_bits;
      held -= config::size;
    }
  }

  static void pack(hls::stream<typename config::event_t>& events, hls::stream<word>& words, ap_uint<32> rows) {
    window_t window = 0;
    int held = 0;
    STROBE_LOOP(rows_out) for (ap_uint<32> row = 0; row < rows; ++row) {
      STROBE_PRAGMA(HLS pipeline II=1)
      const typename config::event_t event = events.read();
      container_t containers[config::size];
      config::pack(event.data, containers);
      window |= window_t(join<512, config::container, config::size>(containers)) << (held * config::container);
      held += config::size;
      if (held >= geometry::containers_per_word) {
        words.write(word(window));
        window >>= 512;
        held -= geometry::containers_per_word;
      }
    }
    if (held > 0) words.write(word(window));
  }
};

/// Rows longer than a word: one beat a cycle.
template <class config>
struct gearbox<config, row_layout::long_rows> {
  typedef row_geometry<config> geometry;
  typedef ap_uint<config::container> container_t;
  static constexpr int beat_bits = geometry::beat * config::container;

  static void unpack(hls::stream<word>& words, hls::stream<typename config::event_t>& events, ap_uint<32> rows) {
    word current = 0;
    int left = 0;
    STROBE_LOOP(rows_in) for (ap_uint<32> row = 0; row < rows; ++row) {
      container_t containers[config::size];
      STROBE_PRAGMA(HLS array_partition variable=containers complete)
      STROBE_LOOP(beats) for (int beat = 0; beat < geometry::beats_per_row; ++beat) {
        STROBE_PRAGMA(HLS pipeline II=1)
        if (left == 0) {
          current = words.read();
          left = geometry::beats_per_word;
        }
        split<config::container, geometry::beat>(current, &containers[beat * geometry::beat]);
        current >>= beat_bits % 512;
        --left;
      }
      typename config::event_t event;
      config::unpack(containers, event.data);
      events.write(event);
    }
  }

  static void pack(hls::stream<typename config::event_t>& events, hls::stream<word>& words, ap_uint<32> rows) {
    word current = 0;
    int filled = 0;
    STROBE_LOOP(rows_out) for (ap_uint<32> row = 0; row < rows; ++row) {
      const typename config::event_t event = events.read();
      container_t containers[config::size];
      STROBE_PRAGMA(HLS array_partition variable=containers complete)
      config::pack(event.data, containers);
      STROBE_LOOP(beats) for (int beat = 0; beat < geometry::beats_per_row; ++beat) {
        STROBE_PRAGMA(HLS pipeline II=1)
        current |= join<512, config::container, geometry::beat>(&containers[beat * geometry::beat]) << (filled * beat_bits);
        ++filled;
        if (filled == geometry::beats_per_word) {
          words.write(current);
          current = 0;
          filled = 0;
        }
      }
    }
    if (filled > 0) words.write(current);
  }
};

/// Turns words into events.
template <class config>
void unpack_rows(hls::stream<word>& words, hls::stream<typename config::event_t>& events, ap_uint<32> rows) {
  gearbox<config>::unpack(words, events, rows);
}

/// Turns events into words; the last word is filled up with zeros.
template <class config>
void pack_rows(hls::stream<typename config::event_t>& events, hls::stream<word>& words, ap_uint<32> rows) {
  gearbox<config>::pack(events, words, rows);
}

}  // namespace strobe
