/// Where large tensors lie: in one range of addresses, each in the lowest place that is free (native/arena.h).
module Evo.Torch.Tests.Arenas

open System
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.Given

let private mebibyte = 1L <<< 20

let private address (tensor: torch.Tensor) =
    let bytes = TensorBytes.Of tensor
    let first = &MemoryMarshal.GetReference bytes
    Unsafe.ByteOffset(&Unsafe.NullRef<byte>(), &first) |> int64

let private block (bytes: int64) =
    torch.empty (bytes, dtype = torch.uint8)

/// A script: how many KiB a tensor has, and which of those that are alive is freed before, if any.
let private scripts =
    Gen.zip (Gen.choose (1, 200)) (Gen.choose (0, 12))
    |> Gen.listOfLength 60
    |> Arb.fromGen

/// Runs a script; each tensor is filled with a number of its own, which must be found in all of it when it goes.
let private follow (first: int) (script: (int * int) list) =
    let alive = Collections.Generic.List<torch.Tensor * byte>()

    let free (place: int) =
        let tensor, number = alive[place]
        alive.RemoveAt place
        let kept = (TensorBytes.Of tensor).IndexOfAnyExcept number < 0
        tensor.Dispose()
        kept

    let mutable kept = true

    for n, (kibibytes, freed) in List.indexed script do
        if freed < alive.Count then
            kept <- free freed && kept

        let number = byte (first + n)
        let tensor = block (int64 kibibytes * 1024L)
        tensor.fill_ (Scalar.op_Implicit (int number)) |> ignore
        alive.Add((tensor, number))

    while alive.Count > 0 do
        kept <- free (alive.Count - 1) && kept

    kept

[<Fact>]
let ``tensors of all threads keep what is written to them`` () =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 20,
        Prop.forAll scripts (fun script ->
            let threads =
                [|
                    for thread in 0..3 ->
                        Task.Run(fun () ->
                            follow
                                (60 * thread)
                                (List.rev script |> List.permute (fun n -> (n + 7 * thread) % 60)))
                |]

            Task.WaitAll(threads |> Array.map (fun t -> t :> Task))
            threads |> Array.forall _.Result)
    )

[<Fact>]
let ``what is done again takes no more memory`` () =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 20,
        Prop.forAll scripts (fun script ->
            settle ()
            let kept = follow 1 script
            let extent = NativeMemory.ExtentBytes

            kept
            && Seq.forall (fun _ -> follow 1 script) (seq { 1..5 })
            && NativeMemory.ExtentBytes = extent)
    )

/// Blocks of 4 MiB that leave no place of this size below the highest address that was ever in use.
let private full () =
    let extent = NativeMemory.ExtentBytes

    List.unfold
        (fun () ->
            if NativeMemory.ExtentBytes > extent then
                None
            else
                Some(block (4L * mebibyte), ()))
        ()

[<Fact>]
let ``places that lie side by side become one, in whichever order they are freed`` () =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 20,
        Prop.forAll (Gen.shuffle [ 0..7 ] |> Arb.fromGen) (fun order ->
            settle ()
            let filling = full ()
            let blocks = Array.init 8 (fun _ -> block (4L * mebibyte))
            let extent = NativeMemory.ExtentBytes

            for place in order do
                blocks[place].Dispose()

            use whole = block (32L * mebibyte)
            let grown = NativeMemory.ExtentBytes - extent
            filling |> List.iter _.Dispose()
            grown = 0L)
    )

[<Fact>]
let ``equally large blocks begin at different places of a page`` () =
    let blocks = List.init 8 (fun _ -> block (4L * mebibyte))
    let begins = blocks |> List.map (fun b -> address b % 4096L)
    blocks |> List.iter _.Dispose()
    Assert.All(begins, (fun at -> Assert.Equal(0L, at % 64L)))
    Assert.True((List.distinct begins).Length > 4, $"%A{begins}")

[<Fact>]
let ``a tensor larger than all memory is refused, and nothing is lost`` () =
    let bytes = NativeMemory.BytesAllocated
    Assert.Throws<TorchException>(fun () -> block (1L <<< 60) |> ignore) |> ignore
    Assert.Equal(bytes, NativeMemory.BytesAllocated)
    use after = block mebibyte
    Assert.Equal(1L, after.fill_(Scalar.op_Implicit 1).min().ToInt64())
