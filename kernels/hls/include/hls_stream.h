#pragma once

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <string>
#include <vector>

namespace hls {

/// The vendor's stream as its C simulation has it: a first-in first-out queue without limit (`Depth` sizes the
/// hardware).
///
/// In C simulation dataflow processes run one after the other, so a read of an empty stream would wait for ever on the
/// card: it prints the stream's name and ends the simulation. Values left over at the end are reported: a process reads
/// less than another one writes, which on the card blocks the writer or spoils the next run.
template <class T, int Depth = 0>
class stream {
 public:
  using value_type = T;

  stream() : stream("hls::stream") {}
  explicit stream(const char* name) : name_(name) {}
  explicit stream(const std::string& name) : name_(name) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream() {
    if (!empty()) fprintf(stderr, "hls::stream '%s': %zu values were written but never read\n", name_.c_str(), size());
  }

  bool empty() const { return count_ == 0; }
  /// Never, in C simulation.
  bool full() const { return false; }
  size_t size() const { return count_; }
  size_t capacity() const { return Depth; }
  const char* name() const { return name_.c_str(); }
  void set_name(const char* name) { name_ = name; }

  void write(const T& value) {
    if (count_ == ring_.size()) grow();
    ring_[(head_ + count_) & (ring_.size() - 1)] = value;
    ++count_;
  }
  bool write_nb(const T& value) {
    write(value);
    return true;
  }
  void operator<<(const T& value) { write(value); }

  T read() {
    if (empty()) {
      fprintf(stderr, "hls::stream '%s': read while empty; on the card this waits for ever\n", name_.c_str());
      fflush(stderr);
      abort();
    }
    const T value = ring_[head_];
    drop();
    return value;
  }
  void read(T& value) { value = read(); }
  void operator>>(T& value) { read(value); }
  /// Reads if there is a value; otherwise gives T() and false.
  bool read_nb(T& value) {
    if (empty()) {
      value = T();
      return false;
    }
    value = read();
    return true;
  }

 private:
  // ring_.size() is 0 or a power of two; values are ring_[head_ .. head_ + count_) modulo it.
  void grow() {
    std::vector<T> larger(ring_.empty() ? 16 : 2 * ring_.size());
    for (size_t i = 0; i < count_; ++i) larger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_.swap(larger);
    head_ = 0;
  }
  void drop() {
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
  }

  std::string name_;
  std::vector<T> ring_;
  size_t head_ = 0;
  size_t count_ = 0;
};

}  // namespace hls
