#pragma once

#include "strobe/tensor.h"

/// A forest as a circuit: every distinct question is asked once, each tree picks a leaf by the answers, the leaves' scores
/// are added. All tables are constants, so that unrolling leaves comparators, multiplexers and adders.
///
/// `config`:
///   features, predicates, intervals, trees, outputs; tree_nodes, the most of any tree
///   interval_predicate(i), interval_low(i), interval_high(i), predicate_feature(p)   raw values on the input's grid
///   first_node(t)                             tree t has the nodes from there up to first_node(t + 1), the root first
///   node_predicate(n), node_true(n), node_false(n)    a child c >= 0 is node c of the tree, c < 0 is leaf ~c
///   lone_leaf(t)                              of a tree without nodes
///   leaf_columns; leaf(l * leaf_columns + k), leaf_whole_t    what leaf l is worth for output k, as its bits' number
///   terms, term_tree(k * terms + i)           the trees that add to output k; -1: no more
///   term_levels                               of a tree over `terms`
///   base(k), base_whole_t                     likewise what output k starts from
///   leaf_t, base_t, term_t, accumulator_t     the numbers behind them; of terms and their sums; of the whole sum
///   scale()
namespace strobe {

/// The number with the same bits.
template <class T, class whole_t>
T same_bits(const whole_t& whole) {
  T value;
  value.range(T::width - 1, 0) = whole.range(T::width - 1, 0);
  return value;
}

/// Which questions are answered "yes": the feature is in one of the question's intervals.
template <class config, class x_t>
void forest_answers(const x_t x[config::features], bool yes[config::predicates]) {
  STROBE_PRAGMA(HLS inline)
  STROBE_LOOP(clear) for (int p = 0; p < config::predicates; ++p) {
    STROBE_PRAGMA(HLS unroll)
    yes[p] = false;
  }
  STROBE_LOOP(intervals) for (int i = 0; i < config::intervals; ++i) {
    STROBE_PRAGMA(HLS unroll)
    const int p = config::interval_predicate(i);
    const auto raw = to_raw(x[config::predicate_feature(p)]);
    if (raw >= config::interval_low(i) && raw <= config::interval_high(i)) yes[p] = true;
  }
}

/// What leaf `leaf` is worth for output `column`.
template <class config>
typename config::leaf_whole_t forest_leaf(int leaf, int column) {
  return typename config::leaf_whole_t(config::leaf(leaf * config::leaf_columns + column));
}

/// What the leaf that each tree ends in is worth for output `column`, from the leaves up to the root.
template <class config>
void forest_leaves(const bool yes[config::predicates], int column, typename config::leaf_whole_t worth[config::trees]) {
  STROBE_PRAGMA(HLS inline)
  STROBE_LOOP(trees) for (int t = 0; t < config::trees; ++t) {
    STROBE_PRAGMA(HLS unroll)
    typename config::leaf_whole_t below[config::tree_nodes];
    STROBE_PRAGMA(HLS array_partition variable=below complete)
    const int first = config::first_node(t);
    const int count = config::first_node(t + 1) - first;
    below[0] = forest_leaf<config>(config::lone_leaf(t), column);
    STROBE_LOOP(nodes) for (int m = 0; m < config::tree_nodes; ++m) {
      STROBE_PRAGMA(HLS unroll)
      if (m < count) {
        const int n = count - 1 - m;
        const int on_true = config::node_true(first + n);
        const int on_false = config::node_false(first + n);
        below[n] = yes[config::node_predicate(first + n)]
                       ? (on_true >= 0 ? below[on_true < 0 ? 0 : on_true] : forest_leaf<config>(~on_true, column))
                       : (on_false >= 0 ? below[on_false < 0 ? 0 : on_false] : forest_leaf<config>(~on_false, column));
      }
    }
    worth[t] = below[0];
  }
}

/// The number of the leaf that each tree ends in.
template <class config, class x_t, class y_t>
void forest_leaf_ids(const x_t x[config::features], y_t y[config::trees]) {
  STROBE_PRAGMA(HLS pipeline II=1)
  bool yes[config::predicates];
  STROBE_PRAGMA(HLS array_partition variable=yes complete)
  forest_answers<config>(x, yes);
  typename config::leaf_whole_t worth[config::trees];
  STROBE_PRAGMA(HLS array_partition variable=worth complete)
  forest_leaves<config>(yes, 0, worth);
  STROBE_LOOP(results) for (int t = 0; t < config::trees; ++t) {
    STROBE_PRAGMA(HLS unroll)
    y[t] = worth[t];
  }
}

template <class config>
typename config::base_t forest_base(int k) {
  return same_bits<typename config::base_t>(typename config::base_whole_t(config::base(k)));
}

/// Pairs of neighbours level by level, which is the tree whose left part is the largest power of two below the count.
struct forest_add {
  template <class config>
  static typename config::accumulator_t combine(typename config::term_t a, typename config::term_t b) {
    return a + b;
  }
};
struct forest_least {
  template <class config>
  static typename config::term_t combine(typename config::term_t a, typename config::term_t b) {
    return b < a ? b : a;
  }
};
struct forest_most {
  template <class config>
  static typename config::term_t combine(typename config::term_t a, typename config::term_t b) {
    return a < b ? b : a;
  }
};

template <class config, class rule>
struct forest_tree {
  static typename config::accumulator_t total(typename config::term_t term[config::terms], int k) {
    STROBE_PRAGMA(HLS inline)
    STROBE_LOOP(levels) for (int level = 0; level < config::term_levels; ++level) {
      STROBE_PRAGMA(HLS unroll)
      STROBE_LOOP(pairs) for (int pair = 0; pair < config::terms / 2; ++pair) {
        STROBE_PRAGMA(HLS unroll)
        const int left = pair << (level + 1);
        const int right = left + (1 << level);
        if (right < config::terms && config::term_tree(k * config::terms + right) >= 0)
          term[left] = rule::template combine<config>(term[left], term[right]);
      }
    }
    return term[0] + forest_base<config>(k);
  }
};

/// From the base on, in the order of the trees.
template <class config>
struct forest_in_order {
  static typename config::accumulator_t total(typename config::term_t term[config::terms], int k) {
    STROBE_PRAGMA(HLS inline)
    typename config::accumulator_t sum = forest_base<config>(k);
    STROBE_LOOP(terms) for (int i = 0; i < config::terms; ++i) {
      STROBE_PRAGMA(HLS unroll)
      if (config::term_tree(k * config::terms + i) >= 0) sum = sum + term[i];
    }
    return sum;
  }
};

/// The scores; `policy` says how trees add up: forest_tree or forest_in_order.
template <class config, class policy, class x_t, class y_t>
void forest(const x_t x[config::features], y_t y[config::outputs]) {
  STROBE_PRAGMA(HLS pipeline II=1)
  bool yes[config::predicates];
  STROBE_PRAGMA(HLS array_partition variable=yes complete)
  forest_answers<config>(x, yes);
  typename config::leaf_whole_t worth[config::leaf_columns][config::trees];
  STROBE_PRAGMA(HLS array_partition variable=worth complete dim=0)
  STROBE_LOOP(columns) for (int column = 0; column < config::leaf_columns; ++column) {
    STROBE_PRAGMA(HLS unroll)
    forest_leaves<config>(yes, column, worth[column]);
  }
  STROBE_LOOP(outputs) for (int k = 0; k < config::outputs; ++k) {
    STROBE_PRAGMA(HLS unroll)
    typename config::term_t term[config::terms];
    STROBE_PRAGMA(HLS array_partition variable=term complete)
    STROBE_LOOP(terms) for (int i = 0; i < config::terms; ++i) {
      STROBE_PRAGMA(HLS unroll)
      const int tree = config::term_tree(k * config::terms + i);
      // Through a number of its own: g++ 12 breaks down over some forests where the array's is assigned twice.
      typename config::leaf_t score = 0;
      if (tree >= 0) {
        score = same_bits<typename config::leaf_t>(worth[config::leaf_columns == 1 ? 0 : k][tree < 0 ? 0 : tree]);
      }
      term[i] = score;
    }
    y[k] = policy::total(term, k) * config::scale();
  }
}

}  // namespace strobe
