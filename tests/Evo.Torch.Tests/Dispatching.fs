/// Operators are called by name; what goes wrong arrives as an exception that says where.
module Evo.Torch.Tests.Dispatching

open System
open System.Diagnostics
open System.IO
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native
open Evo.Generators.Operators
open Evo.Torch.Tests.Given

[<Fact>]
let ``a tensor is made, added and read`` () =
    use a = Aten.ones (span [ 2L; 3L ])
    use b = Aten.add_Tensor (a, a, number 2.0)
    Assert.Equal<int64[]>([| 2L; 3L |], b.shape)
    Assert.Equal(3.0f, b.ReadCpuSingle 5L)

[<Fact>]
let ``every kind of argument crosses the border`` () =
    use x = floats [ 2L; 3L ] [ 1f; 2f; 3f; 4f; 5f; 6f ]
    use cat = Aten.cat ([| x; x |], 1L)
    Assert.Equal<int64[]>([| 2L; 6L |], cat.shape)
    use rows = Aten.tensor_split_sections (x, 2L, 0L) |> Array.last
    Assert.Equal<float32[]>([| 4f; 5f; 6f |], rows.data<float32>().ToArray())

    use picked =
        Aten.index_Tensor (x, [| null; Aten.arange_start (number 1.0, number 3.0, Nullable torch.int64) |])

    Assert.Equal<float32[]>([| 2f; 3f; 5f; 6f |], picked.data<float32>().ToArray())
    use gelu = Aten.gelu (x, "tanh")
    Assert.Equal(0.841192f, gelu.ReadCpuSingle 0L, 1e-6f)
    let struct (values, indices) = Aten.max_dim (x, 1L)
    Assert.Equal<float32[]>([| 3f; 6f |], values.data<float32>().ToArray())
    Assert.Equal<int64[]>([| 2L; 2L |], indices.data<int64>().ToArray())
    use total = Aten.sum_dim_IntList (x, [| 0L |], true, Nullable torch.float64)
    Assert.Equal<float[]>([| 5.0; 7.0; 9.0 |], valuesOf total)
    Assert.Equal(21.0, Aten._local_scalar_dense(Aten.sum x).ToDouble())
    Assert.False(Aten.equal (x, gelu))

[<Fact>]
let ``an operator in place gives the very same object`` () =
    use x = floats [ 2L ] [ 1f; 2f ]
    settle ()
    let live = NativeMemory.LiveTensors
    Assert.Same(x, Aten.mul__Scalar (x, number 3.0))
    Assert.Equal(live, NativeMemory.LiveTensors)
    Assert.Equal(6f, x.ReadCpuSingle 1L)

[<Fact>]
let ``a bad shape is an exception with the operator's name and libtorch's words`` () =
    use a = Aten.ones (span [ 2L; 3L ])
    let error = Assert.Throws<TorchException>(fun () -> Aten.mm (a, a) |> ignore)
    Assert.Equal("aten::mm", error.Operator)
    Assert.Contains("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", error.NativeText)
    Assert.DoesNotContain("frame #", error.Message)

[<Fact>]
let ``a disposed tensor is refused before libtorch sees it`` () =
    let a = Aten.ones (span [ 2L ])
    a.Dispose()
    Assert.True a.IsInvalid
    Assert.Throws<ObjectDisposedException>(fun () -> Aten.neg a |> ignore) |> ignore
    Assert.Throws<ObjectDisposedException>(fun () -> a.shape |> ignore) |> ignore
    Assert.Throws<ObjectDisposedException>(fun () -> a.backward ()) |> ignore

[<Fact>]
let ``a missing tensor is named`` () =
    let error =
        Assert.Throws<ArgumentNullException>(fun () -> Aten.neg (Unchecked.defaultof<_>) |> ignore)

    Assert.Equal("self", error.ParamName)
    use a = Aten.ones (span [ 1L ])

    let inList =
        Assert.Throws<ArgumentNullException>(fun () ->
            Aten.cat ([| a; Unchecked.defaultof<_> |], 0L) |> ignore)

    Assert.Equal("tensors[1]", inList.ParamName)

[<Fact>]
let ``an operator that does not exist is an exception`` () =
    let error =
        Assert.Throws<TorchException>(fun () -> Dispatcher.Find("aten::no_such_operator", "") |> ignore)

    Assert.Contains("no_such_operator", error.Message)

/// Whether libtorch's argument takes what ours is: the same kind, or any number where ours is an integer.
let private takes (theirs: Argument) (ours: Argument) =
    theirs.Name = ours.Name
    && (theirs.Kind = ours.Kind
        || (theirs.Kind, ours.Kind) = (ValueKind.Scalar, ValueKind.Int)
        || (theirs.Kind, ours.Kind) = (ValueKind.OptionalScalar, ValueKind.OptionalInt))

[<Fact>]
let ``every schema line says what the loaded libtorch has`` () =
    let file = Path.Combine(AppContext.BaseDirectory, "operators.txt")

    let problems =
        [
            for line in File.ReadLines file do
                if line <> "" && not (line.StartsWith '#') then
                    let ours = SchemaParser.Parse line

                    let found =
                        try
                            Ok(Dispatcher.Schema(ours.Namespace + "::" + ours.Name, ours.Overload))
                        with :? TorchException as error ->
                            Error error.NativeText

                    match found with
                    | Error text -> $"{line}: {text}"
                    | Ok text ->
                        try
                            let theirs = SchemaParser.Parse text

                            let count = ours.Arguments.Count

                            let same =
                                count <= theirs.Arguments.Count
                                && Seq.forall2 takes theirs.Arguments ours.Arguments
                                && theirs.Arguments
                                   |> Seq.skip count
                                   |> Seq.forall (fun a -> not (isNull a.Default))
                                && Seq.forall2
                                    (fun (a: Result) (b: Result) -> a.Kind = b.Kind)
                                    theirs.Results
                                    ours.Results

                            if not same then
                                $"{line}\n    is here {text}"
                        with :? FormatException as error ->
                            $"{line}\n    is here {text}, which {error.Message}"
        ]

    Assert.True(problems.IsEmpty, String.Join("\n", problems))

[<Fact>]
let ``a call costs about a microsecond`` () =
    use a = Aten.ones (span [ 1L ])
    use b = Aten.ones (span [ 1L ])

    let run count =
        let clock = Stopwatch.StartNew()

        for _ in 1..count do
            use c = Aten.add_Tensor (a, b)
            ignore c

        clock.Elapsed.TotalMicroseconds / float count

    run 2000 |> ignore
    let best = List.min [ for _ in 1..5 -> run 4000 ]
    TestContext.Current.SendDiagnosticMessage $"add of two numbers: {best:F2} µs"
    printfn $"add of two numbers through the dispatcher: {best:F2} µs a call"
    // Generous: other work shares the machine. The figure printed is the one to read.
    Assert.True(best < 25.0, $"{best} µs")
