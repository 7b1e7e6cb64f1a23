#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/weights/input_file.h"

namespace desa2va::weights {

// The directory of a zip archive whose entries are stored as they are, which is how torch.save
// writes: zip64 too, no compression, no encryption. Immutable.
class ZipArchive {
 public:
  struct Entry {
    std::uint64_t offset = 0;  // of the first data byte in the file
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
  };

  // Corrupt where the directory contradicts itself or the file's size, or a name appears twice;
  // InvalidArgument where it is no zip, or an entry is compressed (named).
  static Result<ZipArchive> open(const std::string& path);
  static Result<ZipArchive> read(InputFile file);

  const InputFile& file() const { return file_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  // Reads all of the entry; Corrupt where its CRC-32 differs.
  Result<void> verify(const std::string& name) const;

 private:
  explicit ZipArchive(InputFile file) : file_(std::move(file)) {}
  InputFile file_;
  std::map<std::string, Entry> entries_;
};

}  // namespace desa2va::weights
