#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "host/scouting/core/buffer.h"
#include "host/scouting/selection/terms.h"

namespace strobe::scouting::selection {

/// Rows that a program takes at a time: what it computes on the way stays in the first-level cache.
constexpr size_t kBlockRows = 256;

/// Memory that an instruction reads or writes: int32 for whole terms, doubles for others. Row i is element `i & mask`.
struct Operand {
  std::byte* at = nullptr;
  size_t mask = ~size_t{0};
};

/// One operation on a block of rows; operands by number.
struct Instruction {
  Op op = Op::kConstant;
  bool whole = false;     ///< the result
  bool compares = false;  ///< whole arguments, of a comparison
  int32_t to = 0, a = 0, b = 0, c = 0;
  const double* table = nullptr;
  int32_t table_low = 0, table_size = 0;
};

/// Terms in an order in which they can be computed, with memory shared by those that do not live at the same time.
/// Operands are numbered: leaves, constants, registers, then the memory that the caller hands in for each result.
class Program {
 public:
  /// `stored`: terms whose values go to memory of the caller's. `read`: terms whose values the caller looks at after a
  /// run, wherever they are. `given`: terms that were computed before, with the leaf that has their values. `terms`
  /// must live as long as the program: it holds the tables.
  static Program compile(const Terms& terms, std::span<const TermId> stored, std::span<const TermId> read,
                         const std::map<TermId, int32_t>& given = {});

  /// Columns of the leaves, in the order of their operands.
  const std::vector<int32_t>& leaves() const { return leaves_; }
  size_t stored_operand(size_t i) const { return first_stored_ + i; }
  size_t read_operand(size_t i) const { return read_[i]; }
  size_t registers() const { return first_stored_ - first_register_; }
  size_t operands() const { return first_stored_ + stored_; }
  std::span<const Instruction> code() const { return code_; }

  /// Sets the operands that stay: constants, and registers in `memory`, each with room for `rows` rows.
  void prepare(std::vector<Operand>& operands, Buffer<std::byte>& memory, size_t rows) const;

 private:
  /// A constant for every lane of a register.
  struct alignas(64) Constant {
    std::array<std::byte, 64> bytes;
    bool whole;
  };
  class Compiler;

  std::vector<int32_t> leaves_;
  std::vector<Constant> constants_;
  std::vector<Instruction> code_;
  std::vector<size_t> read_;
  size_t first_register_ = 0, first_stored_ = 0, stored_ = 0;
};

}  // namespace strobe::scouting::selection
