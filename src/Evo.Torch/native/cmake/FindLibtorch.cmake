# Finds libtorch: EVO_LIBTORCH, then the torch folder of the python on the PATH, then the system's.
# Gives EVO_TORCH_FOLDER, _VERSION, _INCLUDES, _LIBRARIES, _DEFINITIONS, _RPATH.

# The folder counts only when it holds headers and libraries.
function(evo_torch_usable folder answer)
  if(EXISTS "${folder}/include/ATen/core/dispatch/Dispatcher.h" AND EXISTS "${folder}/lib/libtorch_cpu.so")
    set(${answer} TRUE PARENT_SCOPE)
  else()
    set(${answer} FALSE PARENT_SCOPE)
  endif()
endfunction()

set(EVO_TORCH_FOLDER "")
if(NOT "$ENV{EVO_LIBTORCH}" STREQUAL "")
  file(TO_CMAKE_PATH "$ENV{EVO_LIBTORCH}" given)
  evo_torch_usable("${given}" usable)
  if(NOT usable)
    message(FATAL_ERROR "EVO_LIBTORCH=${given} holds no libtorch: include/ATen and lib/libtorch_cpu.so are needed; point it at an unpacked libtorch or at the torch folder of a pip installation.")
  endif()
  set(EVO_TORCH_FOLDER "${given}")
  set(EVO_TORCH_FROM "EVO_LIBTORCH")
endif()

if(EVO_TORCH_FOLDER STREQUAL "")
  # find_spec does not import torch, so this costs milliseconds.
  foreach(python python3 python)
    execute_process(
      COMMAND ${python} -c "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')"
      OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE code)
    if("${code}" STREQUAL "0" AND NOT "${found}" STREQUAL "")
      evo_torch_usable("${found}" usable)
      if(usable)
        set(EVO_TORCH_FOLDER "${found}")
        set(EVO_TORCH_FROM "the python on the PATH")
        break()
      endif()
    endif()
  endforeach()
endif()

if(EVO_TORCH_FOLDER STREQUAL "")
  find_path(EVO_SYSTEM_INCLUDE ATen/core/dispatch/Dispatcher.h)
  find_library(EVO_SYSTEM_TORCH_CPU torch_cpu)
  find_library(EVO_SYSTEM_C10 c10)
  if(NOT EVO_SYSTEM_INCLUDE OR NOT EVO_SYSTEM_TORCH_CPU OR NOT EVO_SYSTEM_C10)
    message(FATAL_ERROR "No libtorch found. Install it with `apt-get install libtorch-dev libopenblas0-openmp`, or `pip install torch`, or set EVO_LIBTORCH to a libtorch folder.")
  endif()
  get_filename_component(EVO_TORCH_FOLDER "${EVO_SYSTEM_TORCH_CPU}" DIRECTORY)
  set(EVO_TORCH_FROM "the system")
  set(EVO_TORCH_INCLUDES "${EVO_SYSTEM_INCLUDE}" "${EVO_SYSTEM_INCLUDE}/torch/csrc/api/include")
  set(EVO_TORCH_LIBRARY_FOLDER "${EVO_TORCH_FOLDER}")
  set(EVO_TORCH_RPATH "")
else()
  set(EVO_TORCH_INCLUDES "${EVO_TORCH_FOLDER}/include" "${EVO_TORCH_FOLDER}/include/torch/csrc/api/include")
  set(EVO_TORCH_LIBRARY_FOLDER "${EVO_TORCH_FOLDER}/lib")
  set(EVO_TORCH_RPATH "${EVO_TORCH_LIBRARY_FOLDER}")
endif()

# The version, from the headers (newer ones keep it in torch/headeronly).
list(GET EVO_TORCH_INCLUDES 0 include)
set(version_header "${include}/torch/headeronly/version.h")
if(NOT EXISTS "${version_header}")
  set(version_header "${include}/torch/csrc/api/include/torch/version.h")
endif()
file(READ "${version_header}" version_text)
string(REGEX MATCH "define TORCH_VERSION_MAJOR ([0-9]+)" _ "${version_text}")
set(major "${CMAKE_MATCH_1}")
string(REGEX MATCH "define TORCH_VERSION_MINOR ([0-9]+)" _ "${version_text}")
set(minor "${CMAKE_MATCH_1}")
set(EVO_TORCH_VERSION "${major}.${minor}")
if(EVO_TORCH_VERSION VERSION_LESS 1.13)
  message(FATAL_ERROR "libtorch ${EVO_TORCH_VERSION} in ${EVO_TORCH_FOLDER} is too old; Evo needs 1.13 or newer: `apt-get install libtorch-dev` or `pip install torch`.")
endif()

# The C++ ABI that this libtorch was compiled with, from its own CMake file.
set(EVO_TORCH_DEFINITIONS "")
foreach(config
    "${EVO_TORCH_FOLDER}/share/cmake/Torch/TorchConfig.cmake"
    "${EVO_TORCH_LIBRARY_FOLDER}/cmake/Torch/TorchConfig.cmake")
  if(EXISTS "${config}")
    file(READ "${config}" config_text)
    string(REGEX MATCH "_GLIBCXX_USE_CXX11_ABI=([01])" _ "${config_text}")
    if(NOT "${CMAKE_MATCH_1}" STREQUAL "")
      list(APPEND EVO_TORCH_DEFINITIONS "_GLIBCXX_USE_CXX11_ABI=${CMAKE_MATCH_1}")
    endif()
    break()
  endif()
endforeach()

foreach(name torch_cpu c10)
  list(APPEND EVO_TORCH_LIBRARIES "${EVO_TORCH_LIBRARY_FOLDER}/lib${name}.so")
endforeach()

# A CUDA build is one that brings c10_cuda; its own calls are used only where the toolkit's headers are found too.
if(EXISTS "${EVO_TORCH_LIBRARY_FOLDER}/libc10_cuda.so")
  list(APPEND EVO_TORCH_LIBRARIES
    "${EVO_TORCH_LIBRARY_FOLDER}/libtorch_cuda.so" "${EVO_TORCH_LIBRARY_FOLDER}/libc10_cuda.so")
  if(EXISTS "${EVO_TORCH_LIBRARY_FOLDER}/libtorch.so")
    list(APPEND EVO_TORCH_LIBRARIES "${EVO_TORCH_LIBRARY_FOLDER}/libtorch.so")
  endif()
endif()

message(STATUS "libtorch ${EVO_TORCH_VERSION} from ${EVO_TORCH_FROM}: ${EVO_TORCH_FOLDER}")
