namespace Evo.Core

/// The element types that Evo trains in and stores, by the names that safetensors gives them.
type DType =
    | F64 = 0
    | F32 = 1
    | F16 = 2
    | BF16 = 3
    | I64 = 4
    | I32 = 5
    | U8 = 6
    | Bool = 7
