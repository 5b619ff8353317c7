#include "controller/adapters/ldap/writer.h"

#include <algorithm>
#include <list>

#include "controller/adapters/ldap/encode.h"
#include "controller/adapters/ldap/faults.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::ldap {
namespace {

constexpr const char* kMarker = "adminDescription";

constexpr const char* kAnything = "(objectClass=*)";
constexpr std::size_t kNamesPerQuestion = 100;

std::string account_name(const DirectoryWrite& write) {
  for (const Modification& change : write.changes)
    if (equals_ignoring_case(change.attribute, "sAMAccountName") && change.values.size() == 1)
      return change.values.front();
  return "";
}

std::string target_of(const DirectoryWrite& write) { return fmt::format("<GUID={}>", write.id); }

std::string attempted(const DirectoryWrite& write) {
  const char* verb = "";
  switch (write.kind) {
    case DirectoryWrite::Kind::add: verb = "adding"; break;
    case DirectoryWrite::Kind::modify: verb = "changing"; break;
    case DirectoryWrite::Kind::move: verb = "moving"; break;
    case DirectoryWrite::Kind::remove: verb = "removing"; break;
  }
  return fmt::format("{} {}", verb, printable(write.dn));
}

bool carries_secret(const DirectoryWrite& write) {
  return std::any_of(write.changes.begin(), write.changes.end(), [](const auto& change) { return change.secret; });
}

// A server's text about a password could hold it: never repeated if it does.
std::string without_secrets(std::string text, const DirectoryWrite& write) {
  for (const Modification& change : write.changes)
    if (change.secret && !change.secret->empty() && text.find(change.secret->reveal()) != std::string::npos)
      text = "(the server's text holds a sensitive value)";
  return text;
}

// Samba calls a link to an id that no object has (any more) a syntax error where it is to be removed.
bool names_by_id(const DirectoryWrite& write) {
  return std::any_of(write.changes.begin(), write.changes.end(), [](const Modification& change) {
    return change.op == Modification::Op::remove &&
           std::any_of(change.values.begin(), change.values.end(),
                       [](const std::string& value) { return value.starts_with("<GUID="); });
  });
}

// A modification as libldap takes it; the values are borrowed from the write.
class Mods {
 public:
  Result<void> append(const Modification& change, bool add_entry) {
    Item& item = items_.emplace_back();
    item.mod.mod_op = LDAP_MOD_BVALUES;
    if (!add_entry) {
      switch (change.op) {
        case Modification::Op::add: item.mod.mod_op |= LDAP_MOD_ADD; break;
        case Modification::Op::remove: item.mod.mod_op |= LDAP_MOD_DELETE; break;
        case Modification::Op::replace: item.mod.mod_op |= LDAP_MOD_REPLACE; break;
      }
    }
    item.mod.mod_type = const_cast<char*>(change.attribute.c_str());
    if (change.secret) {
      if (equals_ignoring_case(change.attribute, "unicodePwd")) {
        PLUMB_TRY(item.encoded, unicode_password(*change.secret));
        item.add(item.encoded.reveal());
      } else {
        item.add(change.secret->reveal());
      }
    } else {
      for (const std::string& value : change.values) item.add(value);
    }
    for (berval& value : item.values) item.pointers.push_back(&value);
    item.pointers.push_back(nullptr);
    // Without values: remove all of them; for replace an empty list says the same.
    item.mod.mod_bvalues = item.values.empty() ? nullptr : item.pointers.data();
    mods_.push_back(&item.mod);
    return {};
  }
  LDAPMod** list() {
    mods_.push_back(nullptr);
    return mods_.data();
  }

 private:
  struct Item {
    LDAPMod mod{};
    Secret encoded;
    std::list<berval> values;
    std::vector<berval*> pointers;
    void add(std::string_view bytes) { values.push_back({bytes.size(), const_cast<char*>(bytes.data())}); }
  };
  std::list<Item> items_;
  std::vector<LDAPMod*> mods_;
};

}  // namespace

std::shared_ptr<Writer::Batch> Writer::begin(std::vector<DirectoryWrite> writes, Deadline deadline) {
  auto batch = std::make_shared<Batch>();
  batch->writes = std::move(writes);
  batch->deadline = deadline;
  const std::size_t count = batch->writes.size();
  batch->results.assign(count, std::nullopt);
  batch->parents.assign(count, {});
  batch->unwritten = batch->unanswered = count;
  for (std::size_t i = 0; i < count; ++i) {
    const DirectoryWrite& write = batch->writes[i];
    const bool rename = write.kind == DirectoryWrite::Kind::move && write.new_parent.empty();
    if (carries_secret(write) && !connection_.encrypted())
      finish(
          *batch, i,
          fail(Fault::invalid, "{}: a secret is never sent over a connection that is not encrypted", attempted(write)));
    else if (write.kind != DirectoryWrite::Kind::add && !guid_bytes(write.id))
      finish(
          *batch, i,
          fail(Fault::internal, "{}: addressed by \"{}\", which is not an id", attempted(write), printable(write.id)));
    else
      waiting_.push_back({batch, {i}, rename ? Step::ask_place : Step::write});
    if (batch->results[i]) --batch->unwritten;
  }
  fill_window();
  return batch;
}

Directory::Answers Writer::finish(Batch& batch) {
  // A question ends after what it was asked for has come: only then is the connection idle.
  const auto open = [&] {
    return batch.unanswered > 0 || std::any_of(in_flight_.begin(), in_flight_.end(),
                                               [&](const auto& each) { return each.second.batch.get() == &batch; });
  };
  while (open()) {
    fill_window();
    if (open()) take_answer();
  }
  Directory::Answers answers;
  answers.reserve(batch.results.size());
  for (auto& result : batch.results) answers.push_back(std::move(*result));
  return answers;
}

void Writer::finish_all() {
  while (!idle()) {
    fill_window();
    if (!idle()) take_answer();
  }
}

void Writer::fill_window() {
  while (!waiting_.empty() && in_flight_.size() < options_.writes_in_flight) {
    const Request request = std::move(waiting_.front());
    waiting_.pop_front();
    if (request.batch->deadline.left(clock_.steady()) <= Duration::zero()) {
      give_up(request, Error{Fault::timeout, "the time for the writes is over", {}}, false);
      continue;
    }
    if (options_.sends_no_more && *options_.sends_no_more) {
      give_up(request, Error{Fault::unavailable, "whoever asked for it is gone", {}}, false);
      continue;
    }
    auto id = send(request);
    if (id) {
      in_flight_.emplace(*id, request);
    } else if (id.error().fault == Fault::unavailable) {
      // What was refused here concerns that write alone; a failed connection concerns all.
      waiting_.push_front(request);
      return give_up(id.error());
    } else {
      give_up(request, id.error(), false);
    }
  }
}

void Writer::take_answer() {
  if (in_flight_.empty()) return;
  Deadline first = in_flight_.begin()->second.batch->deadline;
  for (const auto& [id, request] : in_flight_) first.at = std::min(first.at, request.batch->deadline.at);
  const auto answer = connection_.next(LDAP_RES_ANY, first);
  if (!answer) return give_up(answer.error());
  handle(*answer);
}

void Writer::finish(Batch& batch, std::size_t index, Result<std::string> result) {
  if (batch.results[index]) return;
  batch.results[index] = std::move(result);
  --batch.unanswered;
}

// One write of the batch has its answer.
void Writer::written(const std::shared_ptr<Batch>& batch) {
  if (--batch->unwritten == 0) ask_ids(batch);
}

// In front of what waits: whoever began it may be waiting.
void Writer::ask_ids(const std::shared_ptr<Batch>& batch) {
  std::vector<std::size_t> named;
  const auto ask = [&](std::vector<std::size_t> indexes) {
    if (!indexes.empty()) waiting_.push_front({batch, std::move(indexes), Step::ask_ids});
  };
  for (const std::size_t index : std::exchange(batch->added, {})) {
    if (account_name(batch->writes[index]).empty()) {
      ask({index});
      continue;
    }
    named.push_back(index);
    if (named.size() == kNamesPerQuestion) ask(std::exchange(named, {}));
  }
  ask(std::move(named));
}

Result<int> Writer::send(const Request& request) {
  switch (request.step) {
    case Step::write: return send_write(request);
    case Step::ask_place: return send_question(target_of(request.write()), LDAP_SCOPE_BASE, kAnything, false);
    case Step::ask_ids: return send_ids(request);
  }
  return fail(Fault::internal, "no such step");
}

Result<int> Writer::send_ids(const Request& request) {
  const std::string name = account_name(request.write());
  if (name.empty()) return send_question(request.write().dn, LDAP_SCOPE_BASE, kAnything, true);
  std::string filter = "(|";
  for (const std::size_t index : request.indexes)
    filter += "(sAMAccountName=" + filter_value(account_name(request.batch->writes[index])) + ")";
  return send_question(options_.base_dn, LDAP_SCOPE_SUBTREE, filter + ")", true);
}

Result<int> Writer::sent(int code, int id) {
  if (code == LDAP_SUCCESS) {
    connection_.count_request();
    return id;
  }
  if (code == LDAP_ENCODING_ERROR || code == LDAP_PARAM_ERROR || code == LDAP_INVALID_DN_SYNTAX)
    return fail(Fault::invalid, "the request cannot be encoded: {}", ldap_err2string(code));
  return Failure(connection_.sending_failed(code));
}

Result<int> Writer::send_question(const std::string& base, int scope, const std::string& filter, bool with_marker) {
  std::string guid = "objectGUID", marker = kMarker;
  char* attributes[] = {guid.data(), with_marker ? marker.data() : nullptr, nullptr};
  int id = 0;
  const int rc = ldap_search_ext(connection_.handle(), base.c_str(), scope, filter.c_str(), attributes, 0, nullptr,
                                 nullptr, nullptr, LDAP_NO_LIMIT, &id);
  return sent(rc, id);
}

Result<int> Writer::send_write(const Request& request) {
  const DirectoryWrite& write = request.write();
  int id = 0;
  switch (write.kind) {
    case DirectoryWrite::Kind::add:
    case DirectoryWrite::Kind::modify: return send_add_or_modify(write);
    case DirectoryWrite::Kind::move: return send_move(request);
    case DirectoryWrite::Kind::remove: {
      const int rc = ldap_delete_ext(connection_.handle(), target_of(write).c_str(), nullptr, nullptr, &id);
      return sent(rc, id);
    }
  }
  return fail(Fault::internal, "no such kind of write");
}

Result<int> Writer::send_add_or_modify(const DirectoryWrite& write) {
  const bool add = write.kind == DirectoryWrite::Kind::add;
  if (write.changes.empty()) return fail(Fault::internal, "{}: nothing to write", attempted(write));
  Mods mods;
  // Removing comes before adding, else a single-valued attribute would have two values in between (20).
  for (const bool removing : {true, false})
    for (const Modification& change : write.changes) {
      if ((change.op == Modification::Op::remove) != removing) continue;
      if (add && change.op != Modification::Op::add)
        return fail(Fault::internal, "{}: a new entry has only values to add", attempted(write));
      PLUMB_CHECK(mods.append(change, add));
    }
  int id = 0;
  const int rc =
      add ? ldap_add_ext(connection_.handle(), write.dn.c_str(), mods.list(), nullptr, nullptr, &id)
          : ldap_modify_ext(connection_.handle(), target_of(write).c_str(), mods.list(), nullptr, nullptr, &id);
  return sent(rc, id);
}

// Samba takes <GUID=...> for a rename only with a new parent, which is then always named.
Result<int> Writer::send_move(const Request& request) {
  const DirectoryWrite& write = request.write();
  const std::string parent = write.new_parent.empty() ? request.batch->parents[request.index()] : write.new_parent;
  std::string rdn = write.new_rdn;
  if (rdn.empty()) {
    PLUMB_TRY(const auto dn, Dn::parse(write.dn));
    if (dn.empty()) return fail(Fault::internal, "a move without a name");
    rdn = rdn_text(dn.leaf().attribute, dn.leaf().value);
  }
  int id = 0;
  const int rc = ldap_rename(connection_.handle(), target_of(write).c_str(), rdn.c_str(), parent.c_str(), 1, nullptr,
                             nullptr, &id);
  return sent(rc, id);
}

void Writer::handle(const Answer& answer) {
  const auto found = in_flight_.find(answer.id);
  if (found == in_flight_.end()) return;  // of a request that was given up
  if (answer.type == LDAP_RES_SEARCH_ENTRY) {
    const Request request = found->second;
    return request.step == Step::ask_ids ? handle_id(request, answer) : handle_place(request, answer);
  }
  if (answer.type == LDAP_RES_SEARCH_REFERENCE || answer.type == LDAP_RES_INTERMEDIATE) return;
  const Request request = std::move(found->second);
  in_flight_.erase(found);
  handle_end(request, answer);
}

void Writer::handle_end(const Request& request, const Answer& answer) {
  Batch& batch = *request.batch;
  if (request.step == Step::write) return handle_write(request, answer);
  if (request.step == Step::ask_ids) {
    // Added; the ids that did not come are not known.
    for (const std::size_t index : request.indexes) finish(batch, index, std::string{});
    return;
  }
  if (batch.results[request.index()]) return written(request.batch);
  if (!batch.parents[request.index()].empty()) {
    waiting_.push_front({request.batch, request.indexes, Step::write});
    return;
  }
  const Outcome outcome = connection_.outcome(answer);
  finish(batch, request.index(),
         Failure(fault_of(outcome.code == LDAP_SUCCESS ? LDAP_NO_SUCH_OBJECT : outcome.code, outcome.diagnostic,
                          attempted(request.write()))));
  written(request.batch);
}

void Writer::handle_write(const Request& request, const Answer& answer) {
  const DirectoryWrite& write = request.write();
  const Outcome outcome = connection_.outcome(answer);
  if (outcome.code != LDAP_SUCCESS) {
    Error error = fault_of(outcome.code, without_secrets(outcome.diagnostic, write), attempted(write));
    if (outcome.code == LDAP_INVALID_SYNTAX && names_by_id(write)) error.fault = Fault::conflict;
    finish(*request.batch, request.index(), Failure(std::move(error)));
  } else if (write.kind == DirectoryWrite::Kind::add) {
    request.batch->added.push_back(request.index());
  } else {
    finish(*request.batch, request.index(), write.id);
  }
  written(request.batch);
}

std::string Writer::value_of(const Answer& answer, const char* name) const {
  berval** values = ldap_get_values_len(connection_.handle(), answer.message.get(), name);
  std::string value =
      values != nullptr && values[0] != nullptr ? std::string(values[0]->bv_val, values[0]->bv_len) : "";
  ldap_value_free_len(values);
  return value;
}

std::string Writer::dn_of(const Answer& answer) const {
  char* text = ldap_get_dn(connection_.handle(), answer.message.get());
  std::string dn = text == nullptr ? "" : text;
  ldap_memfree(text);
  return dn;
}

// Another object may have the name by now; the marker of ours says that it is the one.
void Writer::handle_id(const Request& request, const Answer& answer) {
  const std::string key = dn_key(dn_of(answer)), marker = value_of(answer, kMarker);
  for (const std::size_t index : request.indexes) {
    const DirectoryWrite& write = request.batch->writes[index];
    if (request.batch->results[index] || dn_key(write.dn) != key) continue;
    const bool other = std::any_of(write.changes.begin(), write.changes.end(), [&](const Modification& change) {
      return equals_ignoring_case(change.attribute, kMarker) && !change.values.empty() &&
             change.values.front() != marker;
    });
    return finish(*request.batch, index, other ? std::string() : guid_text(value_of(answer, "objectGUID")));
  }
}

void Writer::handle_place(const Request& request, const Answer& answer) {
  const auto is = Dn::parse(dn_of(answer));
  const auto was = Dn::parse(request.write().dn);
  if (!is || !was || is->empty() || is->parent().key() != was->parent().key()) {
    finish(*request.batch, request.index(),
           fail(Fault::conflict, "{}: it was moved by someone else meanwhile", attempted(request.write())));
    return;
  }
  request.batch->parents[request.index()] = is->parent().text();
}

void Writer::give_up(const Request& request, const Error& error, bool was_sent) {
  Batch& batch = *request.batch;
  if (request.step == Step::ask_ids) {
    for (const std::size_t index : request.indexes) finish(batch, index, std::string{});  // the adds were acknowledged
    return;
  }
  const bool unknown = was_sent && request.step == Step::write;
  const bool refused = !was_sent && error.fault != Fault::unavailable && error.fault != Fault::timeout;
  const std::string what = attempted(request.write());
  finish(batch, request.index(),
         refused   ? Failure(error)
         : unknown ? fail(Fault::timeout, "{}: the outcome is unknown: {}", what, error.message)
                   : fail(Fault::unavailable, "{}: nothing was sent: {}", what, error.message));
  written(request.batch);
}

// The connection is of no use any more.
void Writer::give_up(const Error& error) {
  broken_ = true;
  for (const auto& [id, request] : std::exchange(in_flight_, {})) give_up(request, error, true);
  while (!waiting_.empty()) {  // giving up the last write of a batch lets its ids be asked for
    const Request request = std::move(waiting_.front());
    waiting_.pop_front();
    give_up(request, error, false);
  }
}

}  // namespace plumb::ldap
