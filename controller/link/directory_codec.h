#pragma once

#include <span>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/link/wire.h"
#include "controller/ports/directory.h"

// Directory (ports/directory.h) as payloads. Attribute values are bytes as they are. Decoding fails with
// Fault::invalid for whatever was not encoded here.
namespace plumb::link {

// How a domain is reached from where the agent is; paths of files are there.
struct DirectoryOpening {
  std::vector<std::string> servers;
  enum class Tls : std::uint8_t { ldaps, start_tls, none };
  Tls tls = Tls::ldaps;
  std::string ca_file, server_name;
  enum class Bind : std::uint8_t { simple, gssapi };
  Bind bind = Bind::simple;
  std::string username;
  std::string password_from;  // "connector:NAME", which the agent resolves; else empty, and `password` is it
  std::shared_ptr<const Secret> password{};
  std::string principal, keytab_file, krb5_config_file;
  std::string base_dn;
  Duration connect_timeout{}, operation_timeout{}, read_timeout{};
  int page_size = 1000;
  std::size_t writes_in_flight = 32;
};
std::string encode(const DirectoryOpening& opening);
Result<DirectoryOpening> decode_opening(std::string_view payload);

// What opens gives, and what all methods of a Directory begin with.
std::string encode_handle(std::uint32_t handle);

void put(Writer& out, const ReadScope& scope);
ReadScope get_scope(Reader& in);
void put(Writer& out, const Entry& entry);
Entry get_entry(Reader& in);
// Payloads that are wiped after use: there may be passwords in them.
void put(Writer& out, std::span<const DirectoryWrite> writes);
std::vector<DirectoryWrite> get_writes(Reader& in);
void put(Writer& out, const Directory::Answers& answers);
Directory::Answers get_answers(Reader& in);
void put(Writer& out, const std::vector<AttributeHistory>& history);
std::vector<AttributeHistory> get_history(Reader& in);
void put(Writer& out, const Directory::About& about);
Directory::About get_about(Reader& in);
void put(Writer& out, const Error& error);
Error get_error(Reader& in);

// Entries in a stream of parts, which end anywhere: each entry with its length in front.
class EntryStream {
 public:
  // Fault::invalid once something is no entry.
  Result<void> add(std::string_view bytes, std::vector<Entry>& to);
  bool at_boundary() const { return rest_.empty(); }

 private:
  std::string rest_;
};
void append_entry(std::string& stream, const Entry& entry);

}  // namespace plumb::link
