/// Every operator, by name, with arguments drawn at random from its schema.
module Evo.Torch.Tests.EveryOperator

#nowarn "9"

open System
open System.IO
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native
open Evo.Generators.Operators
open Evo.Torch.Tests.Given

let private types =
    [|
        torch.float32
        torch.float64
        torch.int64
        torch.bool
        torch.int32
        torch.bfloat16
    |]

let private integers = [| 0L; 1L; 2L; 3L; -1L; -2L; 4L; 7L; -5L; 1000L |]

/// Draws arguments; what they point to lives until the draw is disposed.
type private Draw(random: Random) =
    let memory = ResizeArray<nativeint>()
    let pick (values: 'a[]) = values[random.Next values.Length]

    let tensor () =
        let shape =
            [|
                for _ in 1 .. random.Next 4 -> if random.Next 12 = 0 then 0L else int64 (random.Next(1, 4))
            |]

        let kind = pick types
        let t = Aten.empty_memory_format (ReadOnlySpan shape, Nullable kind)

        match random.Next 3 with
        | 0 -> Aten.fill__Scalar (t, number (float (random.Next(0, 3))))
        | 1 -> Aten.fill__Scalar (t, number 1.0)
        | _ -> Aten.random__from (t, 0L, Nullable(if kind = torch.bool then 2L else 4L))

    let list (tag: NativeTag) (size: int) (count: int) (write: nativeint -> int -> unit) =
        let block = Marshal.AllocHGlobal(max 8 (size * count))
        memory.Add block

        for k in 0 .. count - 1 do
            write (block + nativeint (size * k)) k

        NativeValue.OfList(tag, NativePtr.toVoidPtr (NativePtr.ofNativeInt<byte> block), count)

    let tensors tag =
        list tag 8 (random.Next 4) (fun at _ -> Marshal.WriteIntPtr(at, tensor().Handle))

    let none = Unchecked.defaultof<NativeValue>

    member draw.Value(kind: ValueKind, isText: string) : NativeValue =
        match kind with
        | ValueKind.Tensor -> NativeValue.Of(tensor (), "tensor")
        | ValueKind.OptionalTensor ->
            if random.Next 2 = 0 then
                none
            else
                NativeValue.Of(tensor (), "tensor")
        | ValueKind.TensorList -> tensors NativeTag.TensorList
        | ValueKind.OptionalTensorList -> tensors NativeTag.OptionalTensorList
        | ValueKind.Scalar ->
            (if random.Next 2 = 0 then
                 number 0.5
             else
                 Scalar.op_Implicit (int (pick integers)))
                .Value
        | ValueKind.Int -> NativeValue.Of(pick integers: int64)
        | ValueKind.Double -> NativeValue.Of(pick [| 0.0; 0.5; 1.0; -1.0; nan; infinity; 2.0 |]: float)
        | ValueKind.Bool -> NativeValue.Of((random.Next 2 = 0): bool)
        | ValueKind.IntList
        | ValueKind.OptionalIntList ->
            list NativeTag.IntList 8 (random.Next 4) (fun at _ -> Marshal.WriteInt64(at, pick integers))
        | ValueKind.DoubleList
        | ValueKind.OptionalDoubleList ->
            list NativeTag.DoubleList 8 (random.Next 4) (fun at _ ->
                Marshal.WriteInt64(at, BitConverter.DoubleToInt64Bits 0.5))
        | ValueKind.BoolList ->
            list NativeTag.BoolList 1 (random.Next 5) (fun at _ -> Marshal.WriteByte(at, 1uy))
        | ValueKind.String
        | ValueKind.OptionalString ->
            let text = NativeValue.Utf8(pick [| isText; "x"; "tanh"; "constant" |])
            list NativeTag.String 1 (text.Length - 1) (fun at k -> Marshal.WriteByte(at, text[k]))
        | ValueKind.OptionalScalar -> if random.Next 2 = 0 then none else (number 1.0).Value
        | ValueKind.OptionalInt ->
            if random.Next 2 = 0 then
                none
            else
                NativeValue.Of(pick integers: int64)
        | ValueKind.OptionalDouble ->
            if random.Next 2 = 0 then
                none
            else
                NativeValue.Of(0.5: float)
        | ValueKind.OptionalBool -> none
        | ValueKind.ScalarType -> NativeValue.Of(pick types: torch.ScalarType)
        | ValueKind.OptionalScalarType ->
            if random.Next 2 = 0 then
                none
            else
                NativeValue.Of(pick types: torch.ScalarType)
        | ValueKind.Device -> NativeValue.Of torch.CPU
        | _ -> none

    interface IDisposable with
        member _.Dispose() =
            for block in memory do
                Marshal.FreeHGlobal block

let private call (random: Random) (schema: OperatorSchema) =
    use scope = torch.NewDisposeScope()
    use draw = new Draw(random)

    let arguments =
        [|
            for a in schema.Arguments ->
                // Numbers of enumerations of C++ that no caller of ours may choose.
                if a.Name = "memory_format" || a.Name = "layout" then
                    if isNull a.Default then
                        NativeValue.Of(0L: int64)
                    else
                        NativeValue.SchemaDefault
                elif not (isNull a.Default) && random.Next 3 > 0 then
                    NativeValue.SchemaDefault
                else
                    let text =
                        match a.Default with
                        | null -> "sum"
                        | words -> words.Trim '"'

                    draw.Value(a.Kind, text)
        |]

    let results = Array.zeroCreate<NativeValue>(max 1 schema.Results.Count)
    use a = fixed arguments
    use r = fixed results
    let mutable handle = 0n

    Dispatcher.Call(
        &handle,
        schema.Namespace + "::" + schema.Name,
        schema.Overload,
        a,
        arguments.Length,
        r,
        schema.Results.Count
    )

    for value in results do
        match value.Tag with
        | NativeTag.Tensor -> value.TakeTensor() |> ignore
        | NativeTag.TensorList -> value.TakeTensors() |> ignore
        | _ -> ()

[<Fact>]
let ``a number is asked only of a tensor with one element`` () =
    use empty = Aten.zeros (span [ 0L ])
    Assert.Throws<ArgumentException>(fun () -> empty.ToScalar() |> ignore) |> ignore

    Assert.Throws<ArgumentException>(fun () -> empty.item<float32>() |> ignore)
    |> ignore

[<Fact>]
let ``no operator ends the process, whatever it is given`` () =
    let schemas =
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "operators.txt"))
        |> Seq.filter (fun line -> line <> "" && not (line.StartsWith '#'))
        |> Seq.map SchemaParser.Parse
        |> Array.ofSeq

    // For longer hunts: how many rounds, and a file that names the call under way.
    let log = Environment.GetEnvironmentVariable "EVO_FUZZ_LOG"

    let rounds =
        match Environment.GetEnvironmentVariable "EVO_FUZZ_ROUNDS" with
        | null -> 3
        | text -> int text

    let mutable good, refused = 0, 0

    for round in 1..rounds do
        for k, schema in Seq.indexed schemas do
            // libtorch reads the first element of an empty tensor here; Tensor.ToScalar and item ask first.
            if schema.Name <> "_local_scalar_dense" then
                match log with
                | null -> ()
                | path -> File.WriteAllText(path, $"{round} {schema.MethodName}")

                try
                    call (Random(round * 10007 + k)) schema
                    good <- good + 1
                with
                | :? TorchException
                | :? ArgumentNullException -> refused <- refused + 1

    printfn $"{schemas.Length} operators, {good} calls gave a result, {refused} an exception"
    Assert.True(good > schemas.Length / 3 * rounds / 3 && refused > 0)
