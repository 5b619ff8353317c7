// Models on a Platform: imported, removed, and made anew where they cannot be changed.
#include <algorithm>

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "controller/base/text.h"
#include "controller/runtime/platform_shape.h"
#include "controller/runtime/platform_writer.h"

namespace plumb::runtime {
namespace {

constexpr Duration kBringingBack = std::chrono::minutes(5);  // for a model and all of its integrations

}  // namespace

Result<Value> PlatformWriter::marked_document(const std::string& digest, const std::string& marker) const {
  PLUMB_TRY(const DocumentStore::Content text, parts_.documents.get(digest));
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 1024;  // as the registry reads documents
  Value document = boost::json::parse(*text, error, {}, options);
  if (error || at(document, "/info") == nullptr || !at(document, "/info")->is_object())
    return fail(Fault::invalid, "the document {} is no OpenAPI document in JSON", digest);
  document.as_object()["info"].as_object()[kPlatformMark] = {
      {"marker", marker}, {"document", digest}, {"operations", operations_digest(document)}};
  return document;
}

Result<std::string> PlatformWriter::create_model(const Change& change, const std::string& operation,
                                                 Deadline deadline) {
  const auto field = std::ranges::find(change.fields, "document", &FieldChange::name);
  if (field == change.fields.end() || field->added.empty())
    return fail(Fault::internal, "{}: has no document", change.key);
  PLUMB_TRY(const Value document, marked_document(field->added.front(), parts_.mark(operation)));
  PLUMB_CHECK(client_.import_model(document, deadline));
  return "model:" + operation;
}

Outcome PlatformWriter::update_model(const Change& change, Deadline deadline) {
  const std::string old_id = platform_place(change.handle).version_id;
  const std::string new_id = platform_place(change.handle_after).version_id;
  const auto old_document = client_.document(old_id, deadline);
  if (!old_document) return {Failure(old_document.error())};
  if (reader_.model_id(old_id, &*old_document) != change.id)
    return {fail(Fault::conflict, "{}: {} was replaced by another one", change.key, change.handle)};
  std::string wanted = reader_.document_digest(*old_document);
  for (const FieldChange& field : change.fields) {
    if (field.name != "document" || field.added.empty()) continue;
    if (wanted == field.added.front() && old_id == new_id) return {change.id};
    if (field.removed != std::vector{wanted})
      return {fail(Fault::conflict, "{}: its document was changed since the plan was made", change.key)};
    wanted = field.added.front();
  }
  auto document = marked_document(wanted, text_at(*old_document, "/info/x-plumbline/marker").value_or(""));
  if (!document) return {Failure(std::move(document).error())};
  std::string why = fmt::format("{} is another model to a Platform than {}", new_id, old_id);
  if (old_id == new_id) {
    auto replaced = client_.replace_model(*document, deadline);
    if (!replaced && replaced.error().fault != Fault::denied) return {Failure(std::move(replaced).error())};
    if (replaced) {
      const auto back = client_.document(new_id, deadline);
      if (back && reader_.document_digest(*back) == wanted) return {change.id};
      why = "it takes the change, and has the old document all the same";
    } else {
      why = replaced.error().message;
    }
  }
  if (!parts_.may_recreate(change.key))
    return {fail(Fault::denied,
                 "{}: this Platform cannot change a model in place ({}); with spec.allowRecreate: true, it and its "
                 "integrations are deleted and made anew",
                 change.key, why)};
  return recreate(change, old_id, *old_document, new_id, *document, deadline);
}

// The integrations of a model, ready to be made anew. Refuses where one is not ours: nobody asked for it to be deleted.
Result<std::vector<PlatformWriter::Dependant>> PlatformWriter::dependants(const std::string& old_id,
                                                                          const std::string& new_id,
                                                                          Deadline deadline) {
  PLUMB_TRY(const auto all, client_.integrations(deadline));
  std::vector<Dependant> found;
  std::vector<std::string> foreign;
  for (const Value& service : *all) {
    if (text_at(service, "/properties/type") != old_id) continue;
    const std::string name = text_at(service, "/name").value_or("");
    if (reader_.operation_of_integration(service).empty()) {
      foreign.push_back(name);
      continue;
    }
    Dependant each{name, service, {}};
    for (const char* own : {"_id", "isEncrypted"}) each.before.as_object().erase(own);
    Value& settings = settings_in(each.before);
    std::vector<std::string> filled;
    for (const std::string& path : reader_.hidden_paths(each.before))
      // What only the Platform knew is lost, and allowRecreate says so. A note that is not ours is refused.
      if (noted_secret(settings, path) != nullptr) filled.push_back(path);
    PLUMB_CHECK(fill_hidden(each.before, filled));
    each.after = each.before;
    each.after.as_object()["model"] = "@itential/adapter_" + new_id;
    each.after.as_object()["properties"].as_object()["type"] = new_id;
    found.push_back(std::move(each));
  }
  if (foreign.empty()) return found;
  return fail(Fault::denied, "model {} is used by integrations that Plumbline did not make ({}); they would be lost",
              old_id, printable(join(foreign, ", ")));
}

// Removes the integrations and the model; what it did not come to stays.
Result<void> PlatformWriter::clear(const std::vector<std::string>& names, const std::string& version_id,
                                   Deadline deadline) {
  for (const std::string& name : names)
    if (auto removed = client_.remove_integration(name, deadline);
        !removed && removed.error().fault != Fault::not_found)
      return removed;
  return client_.remove_model(version_id, deadline);
}

// What is missing of the old model and its integrations is made again. One that fails does not keep the others away,
// and what is there is left alone: of a request that got no answer it is not known what it did.
Result<void> PlatformWriter::bring_back(const std::string& version_id, const Value& document,
                                        const std::vector<Dependant>& users, Deadline deadline) {
  std::vector<std::string> failures;
  const auto note = [&](const std::string& what, std::string why) {
    failures.push_back(fmt::format("{}: {}", what, why));
  };
  const auto there = client_.document(version_id, deadline);
  if (there && reader_.document_digest(*there) != reader_.document_digest(document))
    note(version_id, "another document is there");
  if (!there && there.error().fault != Fault::not_found) note(version_id, there.error().message);
  if (!there && there.error().fault == Fault::not_found)
    if (const auto made = client_.import_model(document, deadline); !made) note(version_id, made.error().message);
  for (const Dependant& each : users) {
    const auto kept = client_.integration(each.name, deadline);
    if (kept && text_at(*kept, "/properties/type") != version_id) note(each.name, "it is there with another model");
    if (kept) continue;
    if (kept.error().fault != Fault::not_found) {
      note(each.name, kept.error().message);
      continue;
    }
    const auto made = client_.create_integration(each.before, deadline);
    if (!made) note(each.name, made.error().message);
    if (made && text_at(*made, "/name").value_or(each.name) != each.name)
      note(each.name, fmt::format("the Platform named it \"{}\"", printable(*text_at(*made, "/name"))));
  }
  if (failures.empty()) return {};
  return fail(Fault::unavailable, "{}", join(failures, "; "));
}

// Whether the model is the one that was to be imported. `answer`: of the import.
bool PlatformWriter::imported(const Result<void>& answer, const std::string& version_id, const Value& document,
                              Deadline deadline) {
  if (answer) return true;
  if (answer.error().fault != Fault::timeout) return false;
  const auto there = client_.document(version_id, deadline);
  return there && !reader_.operation_of_model(&*there).empty() &&
         reader_.document_digest(*there) == reader_.document_digest(document);
}

Result<void> PlatformWriter::replace_all(const std::vector<Dependant>& users, const std::string& old_id,
                                         const Value& old_document, const std::string& new_id, const Value& document,
                                         Deadline deadline) {
  std::vector<std::string> names, made;
  for (const Dependant& each : users) names.push_back(each.name);
  const auto undo = [&](std::string_view what, Error why) -> Result<void> {
    // The deadline may be what failed it.
    const Deadline own = Deadline::in(parts_.clock, kBringingBack);
    if (auto back = bring_back(old_id, old_document, users, own); !back)
      return in_context(fmt::format("{} failed, and so did bringing the old one back ({})", what, back.error().message),
                        std::move(why));
    return in_context(fmt::format("{} failed, and the old one was brought back", what), std::move(why));
  };
  if (auto cleared = clear(names, old_id, deadline); !cleared)
    return undo("removing the old one", std::move(cleared).error());
  Result<void> done = client_.import_model(document, deadline);
  // Only what was made here is taken away again: somebody else may have imported a model of that name meanwhile.
  const Deadline own = Deadline::in(parts_.clock, kBringingBack);
  if (!imported(done, new_id, document, own)) return undo("making it anew", std::move(done).error());
  done = Result<void>();
  for (const Dependant& each : users) {
    made.push_back(each.name);  // before the answer: one that is lost says nothing of what was done
    const auto answer = client_.create_integration(each.after, deadline);
    if (answer) continue;
    if (answer.error().fault == Fault::conflict) made.pop_back();
    done = Failure(answer.error());
    break;
  }
  if (done) return {};
  std::ignore = clear(made, new_id, Deadline::in(parts_.clock, kBringingBack));  // bringing back says what it left
  return undo("making it anew", std::move(done).error());
}

Outcome PlatformWriter::recreate(const Change& change, const std::string& old_id, const Value& old_document,
                                 const std::string& new_id, const Value& document, Deadline deadline) {
  // Nothing is deleted before all that is needed to make it anew is at hand.
  auto users = dependants(old_id, new_id, deadline);
  if (!users) return {in_context(to_string(change.key), std::move(users).error())};
  const auto ready = [&]() -> Result<void> {
    if (auto valid = client_.validate_model(document, deadline); !valid)
      return in_context(fmt::format("{}: nothing was deleted, as validating the document failed", change.key),
                        std::move(valid).error());
    if (new_id == old_id) return {};
    const auto other = client_.document(new_id, deadline);
    if (other) return fail(Fault::conflict, "{}: a model {} is there already", change.key, new_id);
    if (other.error().fault != Fault::not_found) return Failure(other.error());
    return {};
  };
  Result<void> done = ready();
  const bool begun = done.has_value();
  if (begun) done = replace_all(*users, old_id, old_document, new_id, document, deadline);
  for (Dependant& each : *users) {
    overwrite(each.before);
    overwrite(each.after);
  }
  if (!done && !begun) return {Failure(std::move(done).error())};
  if (!done) return {in_context(to_string(change.key), std::move(done).error()), true};
  return {reader_.model_id(new_id, &document)};
}

Result<std::string> PlatformWriter::remove_model(const Change& change, Deadline deadline) {
  const std::string version_id = platform_place(change.handle).version_id;
  const auto document = client_.document(version_id, deadline);
  if (!document && document.error().fault == Fault::not_found) return change.id;
  if (!document) return Failure(document.error());
  if (reader_.model_id(version_id, &*document) != change.id)
    return fail(Fault::conflict, "{}: {} was replaced by another one", change.key, change.handle);
  if (reader_.operation_of_model(&*document).empty())
    return fail(Fault::denied, "{}: {} does not carry the mark of an object that Plumbline created", change.key,
                change.handle);
  auto removed = client_.remove_model(version_id, deadline);
  if (!removed && removed.error().fault != Fault::not_found) return Failure(std::move(removed).error());
  return change.id;
}

}  // namespace plumb::runtime
