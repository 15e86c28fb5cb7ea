# Which libtorch to build against. scripts/find-libtorch decides (EVO_LIBTORCH, the python on the PATH, the system),
# so that the launcher, the build and `evo doctor` agree.
# Gives EVO_TORCH_FOLDER, _VERSION, _INCLUDES, _LIBRARIES, _DEFINITIONS, _RPATH, _ABI, _CUDA, and EVO_CUDA_INCLUDES.

set(EVO_FIND_LIBTORCH "${CMAKE_SOURCE_DIR}/../../../scripts/find-libtorch" CACHE FILEPATH "The script that finds libtorch")
execute_process(
  COMMAND bash "${EVO_FIND_LIBTORCH}"
  OUTPUT_VARIABLE found ERROR_VARIABLE problem RESULT_VARIABLE code OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
if(NOT "${code}" STREQUAL "0")
  message(FATAL_ERROR "${problem}")
endif()

# A line "key=value" of the script's answer.
function(evo_answer key result)
  string(REGEX MATCH "(^|\n)${key}=([^\n]*)" _ "${found}")
  set(${result} "${CMAKE_MATCH_2}" PARENT_SCOPE)
endfunction()

evo_answer(from EVO_TORCH_FROM)
evo_answer(include EVO_TORCH_INCLUDES)
evo_answer(lib EVO_TORCH_FOLDER)
evo_answer(version EVO_TORCH_VERSION)
evo_answer(abi EVO_TORCH_ABI)
evo_answer(cuda EVO_TORCH_CUDA)

if(EVO_TORCH_VERSION VERSION_LESS 1.13)
  message(FATAL_ERROR "libtorch ${EVO_TORCH_VERSION} in ${EVO_TORCH_FOLDER} is too old, Evo needs 1.13 or newer: apt-get install libtorch-dev, or pip install torch.")
endif()

set(EVO_TORCH_DEFINITIONS "_GLIBCXX_USE_CXX11_ABI=${EVO_TORCH_ABI}")
set(EVO_TORCH_RPATH "${EVO_TORCH_FOLDER}")
set(EVO_TORCH_LIBRARIES "${EVO_TORCH_FOLDER}/libtorch_cpu.so" "${EVO_TORCH_FOLDER}/libc10.so")
if("${EVO_TORCH_CUDA}" STREQUAL "1")
  # Linked, though no symbol of theirs is called: loading them registers the CUDA kernels.
  list(APPEND EVO_TORCH_LIBRARIES "${EVO_TORCH_FOLDER}/libtorch_cuda.so" "${EVO_TORCH_FOLDER}/libc10_cuda.so")
  # Beside torch, pip keeps CUDA's headers in folders of its own.
  file(GLOB EVO_CUDA_INCLUDES
    "${EVO_TORCH_FOLDER}/../../nvidia/*/include")
  list(APPEND EVO_CUDA_INCLUDES "/usr/local/cuda/include")
endif()

message(STATUS "libtorch ${EVO_TORCH_VERSION} from ${EVO_TORCH_FROM}: ${EVO_TORCH_FOLDER}")
