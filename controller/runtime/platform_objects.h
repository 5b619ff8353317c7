#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/model/live.h"
#include "controller/model/plan.h"
#include "controller/model/value.h"

// What a Platform holds as live objects, and what Plumbline notes in it. Pure.
//
// An integration's settings carry the member "x-plumbline": {name, marker, secrets: {<path>: {ref, hmac, tag}}}; a
// model's document has it in `info`: {marker, document, operations}. The marker says by which operation of which
// installation it was made, and so what it is known by; a copy under another name carries none. `ref` is the declared
// source of a secret, `hmac` a keyed hash of what was written last: secrets cannot be read back, so by these it is
// known what is there. Whoever may edit an integration can write such a note, and with it ask for any secret that
// Plumbline can read, so `tag` is a keyed hash of where the note stands and of `ref`: without a good one, nothing is
// fetched by it. `document` is the digest of what was imported, `operations` of the operations in it: a Platform may
// write a document in another way than it was given, and that is no change.
namespace plumb::runtime {

inline constexpr std::string_view kPlatformMark = "x-plumbline";

// The operation of a marker of this installation; empty: it is none.
using OperationIn = std::function<std::string(std::string_view marker)>;

struct PlatformReader {
  std::string platform;  // metadata.name
  OperationIn operation_in;
  std::string secret_key;  // of the keyed hashes
  std::string tag_key;     // of the tags of notes: another one for each Platform; see tag_key_of

  std::string integration_id(const Value& service) const;
  std::string model_id(const std::string& version_id, const Value* document) const;
  // The operation it was made by; empty: not made here.
  std::string operation_of_integration(const Value& service) const;
  std::string operation_of_model(const Value* document) const;

  LiveObject root() const;
  // `detailed`: with attributes. Never holds a secret.
  LiveObject integration(const Value& service, bool detailed) const;
  LiveObject model(const std::string& version_id, const Value* document) const;
  std::map<std::string, std::string> attributes(const Value& service) const;
  std::string document_digest(const Value& document) const;

  std::string hash(std::string_view path, std::string_view secret) const;
  // Of a reference that is noted at a path of an integration.
  std::string tag(const std::string& integration, const std::string& path, const std::string& reference) const;
  // What was noted of a secret of the service, and by this installation; null: nothing that may be gone by.
  const Value* trusted_note(const Value& service, const std::string& path) const;
  // Paths in the settings whose values a Platform hides, or that were noted: there, and "".
  std::vector<std::string> hidden_paths(const Value& service) const;
};

// "integration=petstore,model=T:V,platform=edge" taken apart; empty where it is none.
struct PlatformPlace {
  std::string integration, version_id;
};
PlatformPlace platform_place(const std::string& handle);

// The operations of a document, by method, path and operationId.
std::string operations_digest(const Value& document);

// The settings of a service; it must have them.
Value& settings_in(Value& service);
// For PlatformReader::tag_key: a note that is copied to another Platform is none there.
std::string tag_key_of(const std::string& secret_key, const std::string& platform);
// What was noted of a secret, by whomever; null: nothing.
const Value* noted_secret(const Value& settings, const std::string& path);
// Whether the fields touch a block of the settings, such as "authentication".
bool touches_block(const std::vector<FieldChange>& fields, std::string_view block);
// The reference in the value of an attribute "secret.<path>".
std::string reference_in(const std::string& attribute);
// A secret as a Platform takes it: a certificate or key is a data URL.
std::string platform_secret(const std::string& path, const Secret& secret);
// Overwrites the texts of a document that held secrets.
void overwrite(Value& document);

}  // namespace plumb::runtime
