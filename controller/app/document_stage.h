#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/app/url_documents.h"
#include "controller/model/resource.h"
#include "controller/ports/source.h"
#include "controller/runtime/documents.h"

namespace plumb::app {

// What comes after the loader: documents of the source that manifests name by their paths (OpenAPI documents, SOPS
// files) are given to the Documents, and the digest of each is put beside its path, so that a changed document is a
// changed resource. Beside that of a model's document stand its title, its version and how many operations it has. What
// names a file that is not there, or a URL whose document cannot be had, is held. Follows snapshot after snapshot: a
// resource that did not change is the same object in the next one. One caller at a time.
class DocumentStage {
 public:
  // The content of a file as it was taken; null where it cannot be had any more.
  using ReadFile = std::function<std::shared_ptr<const std::string>(const std::string& path)>;

  // Which must outlive it. With UrlDocuments::Use::look, what names a URL whose document is not kept is left as it is.
  DocumentStage(runtime::Documents& documents, UrlDocuments& urls) : documents_(documents), urls_(urls) {}

  // `files`: the documents of the tree, path -> digest. `delta`: what brought the snapshot.
  std::shared_ptr<const Snapshot> take(std::shared_ptr<const Snapshot> snapshot,
                                       const std::map<std::string, std::string>& files, const TreeDelta& delta,
                                       const ReadFile& read);

  // Whether a document could not be fetched for a reason that passes (a server that does not answer).
  bool waits() const;
  // Asks for those that are missing, for whatever reason; whether any came, so that taking the same snapshot again is
  // another result. Takes five seconds at most, and asks nobody where it asked in vain a short while ago: one second at
  // first, and twice as long each time, up to a quarter of an hour.
  bool ask_again();

 private:
  struct Named {
    std::string pointer;  // of the object in the spec: "/document", "/basic/passwordFrom/sops"
    std::string path;     // of the file
    std::string url;      // both empty: the document is written in the manifest
    std::string digest;   // as it is, or as it is pinned to where there is a URL; empty: it is not there
  };
  struct Staged {
    std::shared_ptr<const Resource> source, result;
    std::vector<Named> named;
  };
  struct Missing {
    std::string url;
    Fault why;
  };
  struct About {
    std::string title, version;
    std::int64_t operations = 0;
  };
  class Pass;

  std::shared_ptr<const Resource> with_digests(const Resource& resource, const std::vector<Named>& named);
  About about(const std::string& digest);

  runtime::Documents& documents_;
  UrlDocuments& urls_;
  RealClock clock_;
  SteadyTime ask_after_{};
  Duration pause_{};
  std::map<std::string, Missing> missing_;  // by digest
  std::map<ResourceKey, Staged> staged_;
  std::map<std::string, About> about_;  // by digest
};

// The digests of all documents that resources of the snapshot name.
std::set<std::string> documents_named_in(const Snapshot& snapshot);

}  // namespace plumb::app
