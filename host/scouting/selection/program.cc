#include "host/scouting/selection/program.h"

#include <algorithm>
#include <cstring>

namespace strobe::scouting::selection {

/// Chooses operands. A register is taken when its term is computed and given back after the last use.
class Program::Compiler {
 public:
  Compiler(const Terms& terms, const std::map<TermId, int32_t>& given, Program& program)
      : terms_(terms), given_(given), program_(program) {}

  void run(std::span<const TermId> stored, std::span<const TermId> read) {
    program_.stored_ = stored.size();
    find_needed(stored, read);
    number_inputs();
    for (size_t i = 0; i < stored.size(); ++i) {
      int32_t& place = place_[index(stored[i])];
      if (place == kUnplaced) place = kStored - static_cast<int32_t>(i);
    }
    for (TermId id = 0; id < static_cast<TermId>(terms_.size()); ++id) {
      if (last_use_[index(id)] != kUnused && !is_input(id)) emit(id);
    }
    program_.first_stored_ = program_.first_register_ + registers_;
    for (size_t i = 0; i < stored.size(); ++i) {
      const int32_t place = place_[index(stored[i])];
      if (place == kStored - static_cast<int32_t>(i)) continue;
      Instruction copy;  // a column or constant as it is, or a second copy of a result
      copy.op = Op::kLeaf;
      copy.whole = terms_.at(stored[i]).whole;
      copy.to = kStored - static_cast<int32_t>(i);
      copy.a = place;
      program_.code_.push_back(copy);
    }
    for (Instruction& each : program_.code_) {
      for (int32_t* operand : {&each.to, &each.a, &each.b, &each.c}) *operand = resolve(*operand);
    }
    for (const TermId id : read) program_.read_.push_back(static_cast<size_t>(resolve(place_[index(id)])));
  }

 private:
  static constexpr TermId kUnused = -1;
  static constexpr int32_t kUnplaced = -1, kStored = -2;  ///< kStored - i: the i-th stored result
  static constexpr TermId kForever = 1 << 30;

  static size_t index(TermId id) { return static_cast<size_t>(id); }
  bool is_leaf(TermId id) const { return terms_.at(id).op == Op::kLeaf || given_.contains(id); }
  bool is_constant(TermId id) const { return terms_.at(id).op == Op::kConstant; }
  bool is_input(TermId id) const { return is_leaf(id) || is_constant(id); }
  int32_t resolve(int32_t place) const {
    return place <= kStored ? static_cast<int32_t>(program_.first_stored_) + kStored - place : place;
  }

  void find_needed(std::span<const TermId> stored, std::span<const TermId> read) {
    last_use_.assign(terms_.size(), kUnused);
    place_.assign(terms_.size(), kUnplaced);
    for (const TermId id : stored) last_use_[index(id)] = kForever;
    for (const TermId id : read) last_use_[index(id)] = kForever;
    for (TermId id = static_cast<TermId>(terms_.size()); id-- > 0;) {
      if (last_use_[index(id)] == kUnused || is_input(id)) continue;
      const Term& term = terms_.at(id);
      for (const TermId argument : {term.a, term.b, term.c}) {
        if (argument != kNoTerm) last_use_[index(argument)] = std::max(last_use_[index(argument)], id);
      }
    }
  }

  void number_inputs() {
    int32_t next = 0;
    for (const bool constants : {false, true}) {
      for (TermId id = 0; id < static_cast<TermId>(terms_.size()); ++id) {
        if (last_use_[index(id)] == kUnused || !(constants ? is_constant(id) : is_leaf(id))) continue;
        place_[index(id)] = next++;
        if (constants) {
          add_constant(terms_.at(id));
        } else {
          const auto given = given_.find(id);
          program_.leaves_.push_back(given == given_.end() ? terms_.at(id).index : given->second);
        }
      }
    }
    program_.first_register_ = static_cast<size_t>(next);
  }

  void add_constant(const Term& term) {
    Constant constant;
    constant.whole = term.whole;
    const auto whole = static_cast<int32_t>(term.whole ? term.number : 0);
    for (size_t i = 0; i < constant.bytes.size(); i += term.whole ? sizeof whole : sizeof term.number) {
      if (term.whole) {
        std::memcpy(&constant.bytes[i], &whole, sizeof whole);
      } else {
        std::memcpy(&constant.bytes[i], &term.number, sizeof term.number);
      }
    }
    program_.constants_.push_back(constant);
  }

  void emit(TermId id) {
    const Term& term = terms_.at(id);
    Instruction made;
    made.op = term.op;
    made.whole = term.whole;
    made.compares = term.a != kNoTerm && terms_.at(term.a).whole;
    const auto operand = [&](TermId argument) { return argument == kNoTerm ? 0 : place_[index(argument)]; };
    made.a = operand(term.a);
    made.b = operand(term.b);
    made.c = operand(term.c);
    if (term.op == Op::kTable) {
      const std::vector<double>& table = terms_.table(term.index);
      made.table = table.data();
      made.table_low = static_cast<int32_t>(terms_.at(term.a).low);
      made.table_size = static_cast<int32_t>(table.size());
    }
    // The result's place is taken before its arguments' are given back: int32 and double rows differ in width.
    if (place_[index(id)] == kUnplaced) place_[index(id)] = take_register();
    made.to = place_[index(id)];
    for (const TermId argument : {term.a, term.b, term.c}) {
      if (argument == kNoTerm || last_use_[index(argument)] != id || is_input(argument)) continue;
      last_use_[index(argument)] = kForever;  // once, where it is an argument twice
      free_.push_back(place_[index(argument)]);
    }
    program_.code_.push_back(made);
  }

  int32_t take_register() {
    if (free_.empty()) return static_cast<int32_t>(program_.first_register_ + registers_++);
    const int32_t taken = free_.back();
    free_.pop_back();
    return taken;
  }

  const Terms& terms_;
  const std::map<TermId, int32_t>& given_;
  Program& program_;
  std::vector<TermId> last_use_;
  std::vector<int32_t> place_;
  std::vector<int32_t> free_;
  size_t registers_ = 0;
};

Program Program::compile(const Terms& terms, std::span<const TermId> stored, std::span<const TermId> read,
                         const std::map<TermId, int32_t>& given) {
  Program program;
  Compiler(terms, given, program).run(stored, read);
  return program;
}

void Program::prepare(std::vector<Operand>& operands, Buffer<std::byte>& memory, size_t rows) const {
  operands.assign(this->operands(), Operand{});
  for (size_t i = 0; i < constants_.size(); ++i) {
    const Constant& constant = constants_[i];
    const size_t lanes = constant.bytes.size() / (constant.whole ? sizeof(int32_t) : sizeof(double));
    operands[leaves_.size() + i] = {const_cast<std::byte*>(constant.bytes.data()), lanes - 1};
  }
  const size_t bytes = (rows * sizeof(double) + 64 + 63) / 64 * 64;
  if (memory.size() < registers() * bytes) memory.resize(registers() * bytes);
  for (size_t i = 0; i < registers(); ++i) operands[first_register_ + i].at = memory.data() + i * bytes;
}

}  // namespace strobe::scouting::selection
