// The text of the last failure of this thread.
#include "evo_torch.h"

#include <c10/util/Exception.h>

namespace evo {

namespace {
thread_local std::string last_text;
thread_local int64_t last_managed = 0;

int32_t keep(const char* text) noexcept {
    try {
        last_text = text;
    } catch (...) {
        last_text.clear();
    }
    return EVO_NATIVE_FAILURE;
}
}  // namespace

int32_t record_failure() noexcept {
    try {
        throw;
    } catch (const ManagedFailure& failure) {
        last_managed = failure.id;
        return EVO_MANAGED_FAILURE;
    } catch (const c10::Error& error) {
        return keep(error.what_without_backtrace());
    } catch (const std::exception& error) {
        return keep(error.what());
    } catch (...) {
        return keep("an unknown C++ exception");
    }
}

}  // namespace evo

EVO_API const char* evo_error_text() { return evo::last_text.c_str(); }

EVO_API int64_t evo_error_managed() { return evo::last_managed; }
