#pragma once

#include "strobe/rows.h"
#include "strobe/tensor.h"

/// A forest engine: its forest lies in the card's memory (its form: kernels/layers/forest_engine/forest_image.h) and is
/// read into memories beside the circuit when another one is given than they hold. Then every engine walks trees of its
/// own, a node a cycle; four events take turns, so that a node's children have time to be read.
///
/// `config`: engines, nodes (words of each engine's memory), features, outputs
namespace strobe {

/// What stays between launches: one a compute unit. In emulation a compute unit is a thread.
#if defined(__SYNTHESIS__) || defined(__VITIS_HLS__)
#define STROBE_KEPT static
#else
#define STROBE_KEPT static thread_local
#endif

/// Bits that count up to `most`.
constexpr int bits_for(int most) { return most < 2 ? 1 : 1 + bits_for(most / 2); }

/// The first word of a forest.
struct forest_header {
  ap_uint<64> hash;
  ap_uint<16> engines, features, outputs;
  ap_uint<8> input_width, input_container, score_width, score_container;
  bool input_signed, score_signed;
  ap_uint<2> overflow;  ///< 0 wrap, 1 nearest limit, 2 zero
  ap_int<64> low, high;
  ap_int<33> odd_value;  ///< a node marked so takes it the other way
};

inline forest_header read_forest_header(const word& bits) {
  STROBE_PRAGMA(HLS inline)
  forest_header header;
  header.hash = bits.range(127, 64);
  header.engines = bits.range(175, 160);
  header.features = bits.range(191, 176);
  header.outputs = bits.range(207, 192);
  header.input_width = bits.range(215, 208);
  header.input_signed = bits.range(223, 216) != 0;
  header.input_container = bits.range(231, 224);
  header.score_width = bits.range(239, 232);
  header.score_signed = bits.range(247, 240) != 0;
  header.score_container = bits.range(255, 248);
  header.overflow = bits.range(257, 256);
  header.low = bits.range(383, 320);
  header.high = bits.range(447, 384);
  header.odd_value = bits.range(480, 448);
  return header;
}

template <class config>
struct forest_node {
  typedef ap_uint<bits_for(config::nodes)> index_t;
  typedef ap_uint<bits_for(config::features > config::outputs ? config::features : config::outputs)> item_t;
  ap_int<64> value;
  index_t next, other;
  item_t item;  ///< the feature to compare, the output to add to
  bool adds, last, odd;
};

/// What an engine holds.
template <class config>
struct held_forest {
  forest_header header;
  ap_int<64> base[config::outputs];
  ap_uint<32> count[config::engines];
  forest_node<config> nodes[config::engines][config::nodes];
};

/// The features of one event, and its scores.
template <class config>
struct forest_event {
  ap_int<33> x[config::features];
};
template <class config>
struct forest_scores {
  ap_int<64> score[config::outputs];
};

/// Reads a forest, word by word in bursts: nodes of each engine, where the sums start, then the nodes.
template <class config>
void load_forest(const word* memory, const forest_header& header, held_forest<config>& held) {
  STROBE_PRAGMA(HLS inline off)
  typedef forest_node<config> node_t;
  held.header = header;
  int at = 1;
  word current = 0;
  STROBE_LOOP(counts) for (int e = 0; e < config::engines; ++e) {
    STROBE_PRAGMA(HLS pipeline II=1)
    if (e % 16 == 0 && e < header.engines) current = memory[at++];
    held.count[e] = e < header.engines ? ap_uint<32>(current.range(31, 0)) : ap_uint<32>(0);
    current >>= 32;
  }
  STROBE_LOOP(bases) for (int k = 0; k < config::outputs; ++k) {
    STROBE_PRAGMA(HLS pipeline II=1)
    if (k % 8 == 0 && k < header.outputs) current = memory[at++];
    held.base[k] = k < header.outputs ? ap_int<64>(current.range(63, 0)) : ap_int<64>(0);
    current >>= 64;
  }
  STROBE_LOOP(programs) for (int e = 0; e < config::engines; ++e) {
    STROBE_LOOP(nodes) for (ap_uint<32> n = 0; n < held.count[e]; ++n) {
      STROBE_PRAGMA(HLS pipeline II=1)
      if (n % 4 == 0) current = memory[at++];
      node_t node;
      node.value = current.range(63, 0);
      node.next = typename node_t::index_t(current.range(87, 64));
      node.other = typename node_t::index_t(current.range(111, 88));
      node.item = typename node_t::item_t(current.range(125, 112));
      node.adds = current.range(127, 127) != 0;
      node.last = node.adds && current.range(126, 126) != 0;
      node.odd = !node.adds && current.range(126, 126) != 0;
      held.nodes[e][n.to_int()] = node;
      current >>= 128;
    }
  }
}

/// The number in the low `width` bits of a container.
inline ap_int<64> extend_bits(const ap_uint<64>& bits, const ap_uint<8>& width, bool is_signed) {
  STROBE_PRAGMA(HLS inline)
  const int drop = 64 - width.to_int();
  const ap_uint<64> up = bits << drop;
  return is_signed ? ap_int<64>(ap_int<64>(up) >> drop) : ap_int<64>(up >> drop);
}

/// Takes rows apart, an element a cycle.
template <class config>
void read_events(const word* memory, const forest_header& header, hls::stream<forest_event<config> >& events,
                 ap_uint<32> rows) {
  word current = 0;
  int at = 0, left = 0;
  const int features = header.features.to_int();
  const int container = header.input_container.to_int();
  STROBE_LOOP(rows_in) for (ap_uint<32> row = 0; row < rows; ++row) {
    forest_event<config> event;
    STROBE_PRAGMA(HLS array_partition variable=event.x complete)
    STROBE_LOOP(elements) for (int f = 0; f < features; ++f) {
      STROBE_PRAGMA(HLS pipeline II=1)
      if (left == 0) {
        current = memory[at++];
        left = 512;
      }
      event.x[f] = extend_bits(current.range(63, 0), header.input_width, header.input_signed);
      current >>= container;
      left -= container;
    }
    events.write(event);
  }
}

/// A sum as a score of the forest's type.
inline ap_int<64> to_score(const ap_int<64>& sum, const forest_header& header) {
  STROBE_PRAGMA(HLS inline)
  if (header.overflow == 0) return extend_bits(ap_uint<64>(sum), header.score_width, header.score_signed);
  if (sum < header.low) return header.overflow == 2 ? ap_int<64>(0) : header.low;
  if (sum > header.high) return header.overflow == 2 ? ap_int<64>(0) : header.high;
  return sum;
}

/// Puts rows together, an element a cycle; the last word is filled up with zeros.
template <class config>
void write_scores(hls::stream<forest_scores<config> >& results, const forest_header& header, word* memory,
                  ap_uint<32> rows) {
  word current = 0;
  int at = 0, filled = 0;
  const int outputs = header.outputs.to_int();
  const int container = header.score_container.to_int();
  STROBE_LOOP(rows_out) for (ap_uint<32> row = 0; row < rows; ++row) {
    const forest_scores<config> result = results.read();
    STROBE_LOOP(elements) for (int k = 0; k < outputs; ++k) {
      STROBE_PRAGMA(HLS pipeline II=1)
      const ap_uint<64> bits(to_score(result.score[k], header));
      const ap_uint<64> low = bits << (64 - container) >> (64 - container);
      current |= word(low) << filled;
      filled += container;
      if (filled == 512 || (row == rows - 1 && k == outputs - 1)) {
        memory[at++] = current;
        current = 0;
        filled = 0;
      }
    }
  }
}

/// Events that take turns in the engines.
constexpr int kForestLanes = 4;

/// Where the walks of one event stand, an engine each.
template <class config>
struct forest_walk {
  typename forest_node<config>::index_t at[config::engines];
  bool walking[config::engines];
  ap_int<64> score[config::engines][config::outputs];
};

template <class config>
void begin_walk(const held_forest<config>& held, bool present, forest_walk<config>& walk) {
  STROBE_PRAGMA(HLS inline)
  STROBE_LOOP(engines) for (int e = 0; e < config::engines; ++e) {
    STROBE_PRAGMA(HLS unroll)
    walk.at[e] = 0;
    walk.walking[e] = present && held.count[e] != 0;
    STROBE_LOOP(outputs) for (int k = 0; k < config::outputs; ++k) {
      STROBE_PRAGMA(HLS unroll)
      walk.score[e][k] = 0;
    }
  }
}

/// Every engine's next node. True while one has a node to go to.
template <class config>
bool walk_step(const held_forest<config>& held, const forest_event<config>& event, forest_walk<config>& walk) {
  STROBE_PRAGMA(HLS inline)
  bool more = false;
  STROBE_LOOP(engines) for (int e = 0; e < config::engines; ++e) {
    STROBE_PRAGMA(HLS unroll)
    if (walk.walking[e]) {
      const forest_node<config>& node = held.nodes[e][walk.at[e].to_int()];
      const int item = node.item.to_int();
      if (node.adds) walk.score[e][item] += node.value;
      const ap_int<33> x = event.x[item];
      const bool low = (x <= node.value) != (node.odd && x == held.header.odd_value);
      walk.at[e] = node.adds || low ? node.next : node.other;
      walk.walking[e] = !node.last;
      more |= walk.walking[e];
    }
  }
  return more;
}

/// Four events at a time through all engines.
template <class config>
void walk_events(const held_forest<config>& held, hls::stream<forest_event<config> >& events,
                 hls::stream<forest_scores<config> >& results, ap_uint<32> rows) {
  STROBE_LOOP(turns) for (ap_uint<32> row = 0; row < rows; row += kForestLanes) {
    forest_event<config> event[kForestLanes];
    STROBE_PRAGMA(HLS array_partition variable=event complete dim=0)
    forest_walk<config> walk[kForestLanes];
    STROBE_PRAGMA(HLS array_partition variable=walk complete dim=0)
    bool busy[kForestLanes];
    STROBE_PRAGMA(HLS array_partition variable=busy complete)
    const ap_uint<32> left = rows - row;
    const int count = left < kForestLanes ? left.to_int() : kForestLanes;
    STROBE_LOOP(begin) for (int lane = 0; lane < kForestLanes; ++lane) {
      STROBE_PRAGMA(HLS pipeline II=1)
      if (lane < count) event[lane] = events.read();
      begin_walk(held, lane < count, walk[lane]);
      busy[lane] = lane < count;
    }
    bool any = true;
    int lane = 0;
    STROBE_LOOP(nodes) while (any) {
      // An event comes round every fourth cycle: what it wrote is there by then.
      STROBE_PRAGMA(HLS pipeline II=1)
      STROBE_PRAGMA(HLS dependence variable=walk inter distance=4 true)
      if (busy[lane]) busy[lane] = walk_step(held, event[lane], walk[lane]);
      lane = (lane + 1) % kForestLanes;
      any = busy[0] || busy[1] || busy[2] || busy[3];
    }
    STROBE_LOOP(end) for (int done = 0; done < count; ++done) {
      STROBE_PRAGMA(HLS pipeline II=1)
      forest_scores<config> result;
      STROBE_LOOP(outputs) for (int k = 0; k < config::outputs; ++k) {
        STROBE_PRAGMA(HLS unroll)
        ap_int<64> sum = held.base[k];
        STROBE_LOOP(engines) for (int e = 0; e < config::engines; ++e) {
          STROBE_PRAGMA(HLS unroll)
          sum += walk[done].score[e][k];
        }
        result.score[k] = sum;
      }
      results.write(result);
    }
  }
}

template <class config>
void run_forest(const held_forest<config>& held, const word* features, word* scores, ap_uint<32> rows) {
  STROBE_PRAGMA(HLS dataflow)
  hls::stream<forest_event<config> > events("events");
  STROBE_PRAGMA(HLS stream variable=events depth=16)
  hls::stream<forest_scores<config> > results("results");
  STROBE_PRAGMA(HLS stream variable=results depth=16)
  read_events<config>(features, held.header, events, rows);
  walk_events<config>(held, events, results, rows);
  write_scores<config>(results, held.header, scores, rows);
}

/// The whole kernel.
template <class config>
void forest_engine(const word* features, word* scores, ap_uint<32> rows, const word* forest) {
  STROBE_KEPT held_forest<config> held;
  STROBE_PRAGMA(HLS array_partition variable=held.nodes complete dim=1)
  STROBE_PRAGMA(HLS array_partition variable=held.base complete)
  STROBE_PRAGMA(HLS array_partition variable=held.count complete)
  STROBE_PRAGMA(HLS aggregate variable=held.nodes compact=bit)
  const forest_header header = read_forest_header(forest[0]);
  if (header.hash != held.header.hash) load_forest<config>(forest, header, held);
  run_forest<config>(held, features, scores, rows);
}

}  // namespace strobe
