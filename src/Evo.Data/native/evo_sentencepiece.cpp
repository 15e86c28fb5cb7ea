// The sentencepiece library behind plain C: every function returns null, or a message that the caller frees with
// evo_sp_free. No C++ exception leaves this file.

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

char *message(const std::string &text) {
    auto *copy = static_cast<char *>(std::malloc(text.size() + 1));
    if (copy != nullptr) std::memcpy(copy, text.c_str(), text.size() + 1);
    return copy;
}

template <typename Body> char *guarded(Body body) {
    try {
        const sentencepiece::util::Status status = body();
        return status.ok() ? nullptr : message(status.ToString());
    } catch (const std::exception &error) {
        return message(error.what());
    } catch (...) {
        return message("an exception of an unknown type");
    }
}

sentencepiece::util::Status ok() { return sentencepiece::util::Status(); }

template <typename T> T *copied(const T *data, size_t count) {
    auto *copy = static_cast<T *>(std::malloc(count == 0 ? 1 : count * sizeof(T)));
    if (copy == nullptr) throw std::bad_alloc();
    if (count != 0) std::memcpy(copy, data, count * sizeof(T));
    return copy;
}

// Sentences pulled from the caller: next() gives 1 and a sentence, 0 at the end, -1 when the caller wants to stop.
class PulledSentences final : public sentencepiece::SentenceIterator {
  public:
    using NextSentence = int32_t (*)(void *state, const char **text, int64_t *length);
    PulledSentences(NextSentence next, void *state) : next_(next), state_(state) { Next(); }
    bool done() const override { return done_; }
    const std::string &value() const override { return value_; }
    sentencepiece::util::Status status() const override {
        return stopped_ ? sentencepiece::util::Status(sentencepiece::util::StatusCode::kCancelled, "stopped by the caller") : ok();
    }
    void Next() override {
        const char *text = nullptr;
        int64_t length = 0;
        const int32_t answer = next_(state_, &text, &length);
        done_ = answer <= 0;
        stopped_ = answer < 0;
        if (!done_) value_.assign(text, static_cast<size_t>(length));
    }

  private:
    NextSentence next_;
    void *state_;
    std::string value_;
    bool done_ = false;
    bool stopped_ = false;
};

} // namespace

extern "C" {

void evo_sp_free(void *memory) { std::free(memory); }

// Loads a model from the bytes of its file.
char *evo_sp_load(const char *model, int64_t length, void **processor) {
    return guarded([&] {
        auto loaded = std::make_unique<sentencepiece::SentencePieceProcessor>();
        const auto status = loaded->LoadFromSerializedProto(std::string_view(model, static_cast<size_t>(length)));
        if (status.ok()) *processor = loaded.release();
        return status;
    });
}

void evo_sp_unload(void *processor) { delete static_cast<sentencepiece::SentencePieceProcessor *>(processor); }

// size, unk, bos, eos, pad; -1 where the model has none.
void evo_sp_ids(void *processor, int32_t ids[5]) {
    const auto *model = static_cast<sentencepiece::SentencePieceProcessor *>(processor);
    ids[0] = model->GetPieceSize();
    ids[1] = model->unk_id();
    ids[2] = model->bos_id();
    ids[3] = model->eos_id();
    ids[4] = model->pad_id();
}

// UTF-8 to ids. Safe to call from several threads.
char *evo_sp_encode(void *processor, const char *text, int64_t length, int32_t **ids, int64_t *count) {
    return guarded([&] {
        std::vector<int> found;
        const auto *model = static_cast<sentencepiece::SentencePieceProcessor *>(processor);
        const auto status = model->Encode(std::string_view(text, static_cast<size_t>(length)), &found);
        if (status.ok()) {
            *ids = copied(found.data(), found.size());
            *count = static_cast<int64_t>(found.size());
        }
        return status;
    });
}

// UTF-8 to the library's own protobuf message, which has ids and places. Safe to call from several threads.
char *evo_sp_encode_spans(void *processor, const char *text, int64_t length, char **spans, int64_t *count) {
    return guarded([&] {
        const auto *model = static_cast<sentencepiece::SentencePieceProcessor *>(processor);
        const std::string found = model->EncodeAsSerializedProto(std::string_view(text, static_cast<size_t>(length)));
        *spans = copied(found.data(), found.size());
        *count = static_cast<int64_t>(found.size());
        return ok();
    });
}

// Ids to UTF-8. Safe to call from several threads.
char *evo_sp_decode(void *processor, const int32_t *ids, int64_t count, char **text, int64_t *length) {
    return guarded([&] {
        std::string found;
        const auto *model = static_cast<sentencepiece::SentencePieceProcessor *>(processor);
        const auto status = model->Decode(std::vector<int>(ids, ids + count), &found);
        if (status.ok()) {
            *text = copied(found.data(), found.size());
            *length = static_cast<int64_t>(found.size());
        }
        return status;
    });
}

// Trains a model from pulled sentences. Options are 2 * count strings: name, value, name, value...
char *evo_sp_train(const char *const *options, int32_t count, PulledSentences::NextSentence next, void *state,
                   char **model, int64_t *length) {
    return guarded([&] {
        std::unordered_map<std::string, std::string> arguments;
        for (int32_t i = 0; i < count; ++i) arguments[options[2 * i]] = options[2 * i + 1];
        PulledSentences sentences(next, state);
        std::string trained;
        const auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &sentences, &trained);
        if (status.ok()) {
            *model = copied(trained.data(), trained.size());
            *length = static_cast<int64_t>(trained.size());
        }
        return status;
    });
}

} // extern "C"
