/// Short words for tests of the native side: values, tensors, leaks.
module Evo.Torch.Tests.Given

open System
open TorchSharp
open Evo.Torch
open Evo.Torch.Native

// Live tensors, bytes and random numbers belong to the process: tests that count them run one at a time.
[<assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)>]
do ()

let span (values: int64 list) = ReadOnlySpan(List.toArray values)

let number (value: float) = Scalar.op_Implicit value

let floats (shape: int64 list) (values: float32 list) =
    let t = Aten.empty_memory_format (span shape, Nullable torch.float32)
    values |> List.toArray |> t.data<float32>().CopyFrom
    t

let doubles (shape: int64 list) (values: float list) =
    let t = Aten.empty_memory_format (span shape, Nullable torch.float64)
    values |> List.toArray |> t.data<float>().CopyFrom
    t

let normal (shape: int64 list) =
    Aten.randn (span shape, Nullable torch.float64)

let valuesOf (t: torch.Tensor) = t.data<float>().ToArray()

let bitsOf (t: torch.Tensor) = (TensorBytes.Of t).ToArray()

/// Lets the finalizers of what earlier tests forgot run now, not while something is counted.
let settle () =
    for _ in 1..2 do
        GC.Collect()
        GC.WaitForPendingFinalizers()

/// Runs an action and gives how many native tensors it left alive.
let leaked (action: unit -> unit) =
    settle ()
    let before = NativeMemory.LiveTensors
    action ()
    NativeMemory.LiveTensors - before

/// The gradient of a tensor that has one.
let gradient (t: torch.Tensor) = nonNull t.grad

/// What a backward gives for an argument without a gradient.
let noGradient: torch.Tensor = Unchecked.defaultof<_>
