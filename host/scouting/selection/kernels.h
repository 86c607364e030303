#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "host/scouting/core/format.h"
#include "host/scouting/selection/program.h"

/// The vector code, by the best instruction set of the machine. Everything here may write up to 64 bytes of anything
/// behind the last row, and may read as far; results are the same on every machine.
namespace strobe::scouting::selection {

/// Runs a program's instructions over `rows` rows.
void run(std::span<const Instruction> code, const Operand* operands, size_t rows);

/// A field of `count` object words, sign-extended.
void extract(const Field& field, const uint32_t* words, size_t count, int32_t* to);
void extract(const Field& field, const uint64_t* words, size_t count, int32_t* to);

/// Writes to each object its crossing's row: `rows[c]` for those of crossing c, or base + c where `rows` is null.
/// `first` as in Collection, with crossings + 1 entries; `to` begins with the object first[0]. Returns the largest
/// number of objects of a crossing.
uint32_t expand_rows(const uint32_t* first, size_t crossings, const int32_t* rows, int32_t base, int32_t* to);

/// Objects that stand this far apart in a crossing are compared by `rank` at most.
constexpr size_t kRankReach = 15;

/// What `rank` reads before and behind its columns.
constexpr size_t kRankMargin = 32;

struct Ranking {
  const int32_t* rows;  ///< of each object; negative in the margins
  const int32_t* pass;  ///< 1 or 0
  const int32_t* keys;  ///< larger goes first, earlier where equal
  int32_t* masked;      ///< for the keys of those that pass, with margins
  size_t count;
  size_t most;      ///< objects of a crossing; at most kRankReach + 1
  int32_t limit;    ///< objects of rank `limit` and more are not members
  int32_t slots;    ///< places kept of each row; the place behind them takes what is not kept
  int32_t stride;   ///< from one place's column to the next
  int32_t* member;  ///< out: 1 or 0
  int32_t* target;  ///< out: place * stride + row
};

/// Orders the objects of each crossing, and says where each goes.
void rank(const Ranking& ranking);

/// The same from ranks that are known.
void place(const Ranking& ranking, const int32_t* ranks);

/// counts[rows[i]] += member[i].
void add_members(const int32_t* member, const int32_t* rows, size_t count, int32_t* counts);

/// Bytes that `pack` writes of each row.
constexpr size_t kPackBytes = 16;

/// Writes 16 / `bytes` columns of integers as containers of 1, 2 or 4 bytes, the upper bits lost, side by side: 16
/// bytes a row, rows `stride` bytes apart.
void pack(const Operand* columns, size_t bytes, size_t rows, std::byte* to, size_t stride);

/// Rounds doubles to the nearest integers, ties to even, and brings them into low..high; NaN becomes 0. Adds how many
/// were outside and how many were NaN. Limits within 32 bits.
void round_to(const Operand& from, size_t rows, double low, double high, int32_t* to, uint64_t& outside,
              uint64_t& nans);

/// Brings integers into low..high. Adds how many were outside.
void limit_to(const Operand& from, size_t rows, int32_t low, int32_t high, int32_t* to, uint64_t& outside);

/// to[i] = from[index[i]].
void gather(const int32_t* from, const uint32_t* index, size_t count, int32_t* to);
void gather(const double* from, const uint32_t* index, size_t count, double* to);

}  // namespace strobe::scouting::selection
