// Documents by URL: fetched once, pinned, kept; what cannot be had holds what names it.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/document_fetch.h"
#include "controller/app/session.h"
#include "controller/app/url_documents.h"
#include "controller/base/digest.h"
#include "tests/support/comes.h"
#include "tests/support/http_peer.h"

namespace plumb::app {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const ResourceKey kModel{"IntegrationModel", "default", "petstore"};
const std::string kPetstore =
    "openapi: 3.0.3\ninfo: {title: Petstore, version: '1'}\nservers: [{url: 'https://pets.example/v1'}]\n"
    "paths: {/pets: {get: {operationId: listPets, responses: {'200': {description: ok}}}}}\n";

// What a server says to each path, and how often it was asked.
class Files {
 public:
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(peer_.port()) + path; }
  int asked() const { return static_cast<int>(peer_.seen().size()); }
  std::vector<std::string> requests() const { return peer_.seen(); }
  std::atomic<bool> broken = false;

 private:
  void serve(test::HttpPeer::Connection& client) {
    for (std::string request = client.request(); !request.empty(); request = client.request()) {
      if (broken) {
        client.answer("later", "", "503 Service Unavailable");
      } else if (request.starts_with("GET /petstore.yaml ")) {
        client.answer(kPetstore);
      } else if (request.starts_with("GET /moved?")) {
        client.answer("", "Location: /petstore.yaml\r\n", "302 Found");
      } else if (request.starts_with("GET /elsewhere ")) {
        client.answer("", "Location: http://pets.example/petstore.yaml\r\n", "302 Found");
      } else if (request.starts_with("GET /round ")) {
        client.answer("", "Location: /round\r\n", "302 Found");
      } else {
        client.answer("no such file", "", "404 Not Found");
      }
    }
  }
  test::HttpPeer peer_{[this](test::HttpPeer::Connection& client) { serve(client); }};
};

class DocumentsByUrl : public testing::Test {
 protected:
  DocumentsByUrl() {
    folder_ = std::filesystem::temp_directory_path() / ("plumb-url-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "tree");
    options_.manifests = folder_ / "tree";
    options_.state = folder_ / "state";
    options_.default_policies = false;
    options_.egress = {"127.0.0.0/8"};
    write("pets.yaml",
          "apiVersion: plumbline.dev/v1alpha1\nkind: Integration\nmetadata: {name: pets}\n"
          "spec: {modelRef: {name: petstore}}\n");
    name(files_.url("/petstore.yaml"));
  }
  ~DocumentsByUrl() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& file, const std::string& text) const { std::ofstream(folder_ / "tree" / file) << text; }
  void name(const std::string& url, const std::string& digest = sha256(kPetstore)) const {
    write("model.yaml",
          "apiVersion: plumbline.dev/v1alpha1\nkind: IntegrationModel\nmetadata: {name: petstore}\nspec:\n  document:\n"
          "    url: " +
              url + "\n    sha256: " + digest + "\n");
  }
  std::unique_ptr<Workspace> open(UrlDocuments::Use use = UrlDocuments::Use::fetch) const {
    auto opened = Workspace::open(options_, SourceUse::look, use);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  static Manifests load(Workspace& workspace) {
    auto loaded = workspace.load(Deadline::never());
    EXPECT_TRUE(loaded) << loaded.error().message;
    return std::move(*loaded);
  }
  static std::vector<std::string> said(const Manifests& manifests) {
    std::vector<std::string> lines;
    for (const Diagnostic& each : manifests.diagnostics)
      lines.push_back((each.severity == Severity::error ? "error " : "warning ") + to_string(each));
    return lines;
  }
  std::vector<std::string> what_is_said() const { return said(load(*open())); }

  Files files_;
  std::filesystem::path folder_;
  GlobalOptions options_;
};

TEST_F(DocumentsByUrl, AreFetchedOnceAndThenAreOfTheManifests) {
  const auto workspace = open();
  const Manifests manifests = load(*workspace);
  EXPECT_THAT(said(manifests), IsEmpty());
  EXPECT_THAT(manifests.snapshot->held, IsEmpty());
  const Resource* const model = manifests.snapshot->find(kModel);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(text_at(model->spec, "/document/title"), "Petstore");
  EXPECT_EQ(int_at(model->spec, "/document/operations"), 1);
  EXPECT_TRUE(workspace->documents().has(sha256(kPetstore)));
  ASSERT_EQ(files_.asked(), 1);
  EXPECT_THAT(files_.requests().front(), Not(HasSubstr("Authorization")));

  files_.broken = true;
  EXPECT_THAT(what_is_said(), IsEmpty());  // of another process, as it were
  EXPECT_EQ(files_.asked(), 1);
}

TEST_F(DocumentsByUrl, ARoundAppliesThemAndTheStateHasThem) {
  std::ostringstream out;
  Console console{out, out};
  {
    const auto session = open_session(options_, State::Access::write, "test", console);
    ASSERT_TRUE(session) << session.error().message;
    EXPECT_EQ((*session)->lanes.front()->lane->run_round(*(*session)->manifests.snapshot).applied, 2U);
    EXPECT_TRUE((*session)->registry->view()->models.contains(kModel));
  }
  files_.broken = true;
  const auto again = open_session(options_, State::Access::write, "test", console);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE((*again)->lanes.front()->lane->run_round(*(*again)->manifests.snapshot).plan.empty());
}

TEST_F(DocumentsByUrl, WhatCannotBeFetchedIsHeldWhereItIsNamedAndAskedForAgain) {
  files_.broken = true;
  const auto workspace = open();
  const Manifests without = load(*workspace);
  EXPECT_THAT(said(without), Contains(AllOf(HasSubstr("error model.yaml:6:5"), HasSubstr("/spec/document/url"),
                                            HasSubstr("it answered 503"))));
  EXPECT_TRUE(without.snapshot->held.contains(kModel));
  EXPECT_NE(without.snapshot->find(kModel), nullptr);  // held, not gone
  EXPECT_TRUE(workspace->waits_for_documents());
  EXPECT_FALSE(*workspace->moved(Deadline::never()));

  files_.broken = false;
  // After a pause, as it was just asked. Once it came, it has not moved again: so it is asked until then alone.
  bool moved = false;
  EXPECT_TRUE(test::comes([&] { return moved = moved || *workspace->moved(Deadline::never()); }));
  const Manifests with = load(*workspace);
  EXPECT_THAT(said(with), IsEmpty());
  EXPECT_THAT(with.snapshot->held, IsEmpty());
  EXPECT_EQ(with.snapshot->revision, without.snapshot->revision);
  EXPECT_FALSE(workspace->waits_for_documents());
  EXPECT_FALSE(*workspace->moved(Deadline::never()));
}

TEST_F(DocumentsByUrl, OtherObjectsGoOn) {
  files_.broken = true;
  write("key.yaml",
        "apiVersion: plumbline.dev/v1alpha1\nkind: Credential\nmetadata: {name: key}\n"
        "spec: {type: apiKey, apiKey: {valueFrom: {env: KEY}}}\n");
  const Manifests manifests = load(*open());
  EXPECT_FALSE(manifests.snapshot->held.contains({"Credential", "default", "key"}));
  EXPECT_TRUE(manifests.snapshot->held.contains({"Integration", "default", "pets"}));  // which refers to the model
}

TEST_F(DocumentsByUrl, AnotherContentThanThePinnedIsRefused) {
  name(files_.url("/petstore.yaml"), std::string(64, 'a'));
  EXPECT_THAT(what_is_said(), Contains(AllOf(HasSubstr("error model.yaml:6:5"), HasSubstr(sha256(kPetstore)),
                                             HasSubstr("is pinned to aaaa"))));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "state/documents" / sha256(kPetstore)));
}

TEST_F(DocumentsByUrl, RedirectsAreFollowedByTheSameRules) {
  name(files_.url("/moved?key=canary"));
  EXPECT_THAT(what_is_said(), IsEmpty());

  std::filesystem::remove_all(folder_ / "state");
  name(files_.url("/elsewhere"));
  EXPECT_THAT(what_is_said(), Contains(AllOf(HasSubstr("pets.example"), HasSubstr("https"))));
  name(files_.url("/round"));
  EXPECT_THAT(what_is_said(), Contains(HasSubstr("it answered 302")));
}

TEST_F(DocumentsByUrl, AnErrorDoesNotShowTheQuery) {
  name(files_.url("/nothing?key=canary"));
  const auto lines = what_is_said();
  EXPECT_THAT(lines, Contains(HasSubstr("/nothing: it answered 404")));
  for (const std::string& line : lines) EXPECT_THAT(line, Not(HasSubstr("canary")));
}

TEST_F(DocumentsByUrl, TheOperatorSaysWhereTheyMayComeFrom) {
  options_.egress = {"10.0.0.0/8"};
  EXPECT_THAT(what_is_said(), Contains(HasSubstr("--allow-egress")));
  EXPECT_EQ(files_.asked(), 0);
  options_.egress = {"not a rule"};
  EXPECT_THAT(what_is_said(), Contains(AllOf(HasSubstr("--allow-egress"), HasSubstr("not a rule"))));
}

TEST_F(DocumentsByUrl, HttpIsForThisMachineAlone) {
  for (const char* url : {"https://pets.example/a", "http://localhost:1/a", "http://[::1]:1/a", "http://127.0.0.2/a"})
    EXPECT_TRUE(check_document_url(url)) << url;
  for (const char* url :
       {"http://pets.example/a", "http://10.0.0.1/a", "http://127.example/a", "https://u:p@a.example/"})
    EXPECT_FALSE(check_document_url(url)) << url;
  name("http://pets.example/petstore.yaml");
  EXPECT_THAT(what_is_said(), Contains(HasSubstr("http is for this machine alone")));
  EXPECT_THAT(said(load(*open(UrlDocuments::Use::look))),
              Contains(AllOf(HasSubstr("error"), HasSubstr("http is for this machine alone"))));
}

TEST_F(DocumentsByUrl, WhoOnlyLooksIsTold) {
  const Manifests unseen = load(*open(UrlDocuments::Use::look));
  EXPECT_THAT(said(unseen),
              Contains(AllOf(HasSubstr("warning"), HasSubstr("/spec/document/url"), HasSubstr("validate --fetch"))));
  EXPECT_THAT(unseen.snapshot->held, IsEmpty());
  EXPECT_EQ(files_.asked(), 0);

  what_is_said();  // fetches it
  EXPECT_THAT(said(load(*open(UrlDocuments::Use::look))), IsEmpty());
  EXPECT_EQ(files_.asked(), 1);
}

TEST_F(DocumentsByUrl, WhatIsDamagedInTheFolderIsFetchedAgain) {
  what_is_said();
  std::ofstream(folder_ / "state/documents" / sha256(kPetstore)) << "damaged";
  EXPECT_THAT(what_is_said(), IsEmpty());
  EXPECT_EQ(files_.asked(), 2);
}

TEST_F(DocumentsByUrl, WhatIsNotNamedForAWeekGoes) {
  UrlDocuments documents(folder_ / "state/documents", options_.egress, UrlDocuments::Use::fetch);
  const std::string digest = sha256(kPetstore);
  ASSERT_TRUE(documents.get(files_.url("/petstore.yaml"), digest));
  const auto file = folder_ / "state/documents" / digest;
  documents.tidy({});
  EXPECT_TRUE(std::filesystem::exists(file));
  std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - std::chrono::days(8));
  documents.tidy({digest});
  EXPECT_TRUE(std::filesystem::exists(file));
  documents.tidy({});  // was in use a moment ago
  EXPECT_TRUE(std::filesystem::exists(file));
  std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - std::chrono::days(8));
  documents.tidy({});
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(DocumentsByUrl, LaterOnesWaitWhereTheFirstTakeTooLong) {
  UrlDocuments documents(folder_ / "state/documents", options_.egress, UrlDocuments::Use::fetch);
  documents.allow({});
  const auto late = documents.get(files_.url("/petstore.yaml"), sha256(kPetstore));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::timeout);
  EXPECT_EQ(files_.asked(), 0);
}

}  // namespace
}  // namespace plumb::app
