#pragma once

#include <stdio.h>

#include <fstream>
#include <string>
#include <vector>

#include "ap_int.h"

/// Rows of whole numbers in text files, one row a line, to and from a kernel's memory.
namespace test_vectors {

inline bool read(const std::string& path, std::vector<long long>& values) {
  std::ifstream file(path.c_str());
  long long value = 0;
  while (file >> value) values.push_back(value);
  if (!file.eof()) fprintf(stderr, "%s: cannot be read\n", path.c_str());
  return file.eof();
}

/// Containers of `bits` back to back in 512-bit words.
inline std::vector<ap_uint<512> > pack(const std::vector<long long>& values, int bits) {
  const size_t a_word = 512 / bits;
  std::vector<ap_uint<512> > words((values.size() + a_word - 1) / a_word);
  for (size_t i = 0; i < values.size(); ++i) {
    const int low = static_cast<int>(i % a_word) * bits;
    words[i / a_word].range(low + bits - 1, low) = ap_int<64>(values[i]).range(bits - 1, 0);
  }
  return words;
}

/// Counts values that differ from the expected ones, and prints the first few.
inline size_t compare(const char* name, const std::vector<ap_uint<512> >& words, const std::vector<long long>& expected,
                      int bits, size_t row_size) {
  const std::vector<ap_uint<512> > wanted = pack(expected, bits);
  const size_t a_word = 512 / bits;
  size_t differ = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int low = static_cast<int>(i % a_word) * bits;
    const ap_uint<64> found = words[i / a_word].range(low + bits - 1, low);
    const ap_uint<64> want = wanted[i / a_word].range(low + bits - 1, low);
    if (found == want) continue;
    if (++differ <= 5) {
      printf("%s: row %zu, element %zu: expected the bits 0x%llx, found 0x%llx\n", name, i / row_size, i % row_size,
             static_cast<unsigned long long>(want.to_uint64()), static_cast<unsigned long long>(found.to_uint64()));
    }
  }
  printf("%s: %zu of %zu values differ\n", name, differ, expected.size());
  return differ;
}

}  // namespace test_vectors
