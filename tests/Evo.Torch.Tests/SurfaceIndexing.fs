/// The square brackets against a plain model: a shape and a function from places to numbers.
module Evo.Torch.Tests.SurfaceIndexing

open System
open FsCheck
open FsCheck.FSharp
open Xunit
open TorchSharp

type Index = torch.TensorIndex

/// One index between the brackets.
type private Term =
    | At of int
    | Slice of start: int option * stop: int option * step: int
    | Whole
    | NewAxis
    | Rest
    | Pick of int list
    | Mask of bool list

/// A plain array with a shape: the model.
type private Model = { Shape: int list; Values: int64[] }

let private strides (shape: int list) =
    List.scanBack (fun size product -> size * product) shape 1 |> List.tail

let private places (shape: int list) =
    List.foldBack
        (fun size rest ->
            [
                for i in 0 .. size - 1 do
                    for tail in rest -> i :: tail
            ])
        shape
        [ [] ]

let private read (m: Model) (place: int list) =
    m.Values[List.map2 (*) place (strides m.Shape) |> List.sum]

/// What the terms name: its shape, and for each of its places the place in the tensor. One Pick or Mask at the most.
let private named (shape: int list) (terms: Term list) : int list * int list list =
    let used =
        terms
        |> List.sumBy (function
            | NewAxis
            | Rest -> 0
            | _ -> 1)

    let full =
        if List.contains Rest terms then
            terms
            |> List.collect (function
                | Rest -> List.replicate (shape.Length - used) Whole
                | term -> [ term ])
        else
            terms @ List.replicate (shape.Length - used) Whole

    let rec go terms sizes =
        match terms, sizes with
        | NewAxis :: terms, _ -> (Some 1, None) :: go terms sizes
        | At i :: terms, size :: sizes -> (None, Some [ (if i < 0 then i + size else i) ]) :: go terms sizes
        | Whole :: terms, size :: sizes -> (Some size, Some [ 0 .. size - 1 ]) :: go terms sizes
        | Slice(start, stop, step) :: terms, size :: sizes ->
            let bound fallback =
                function
                | None -> fallback
                | Some i -> (if i < 0 then i + size else i) |> max 0 |> min size

            let indices = [ bound 0 start .. step .. bound size stop - 1 ]
            (Some indices.Length, Some indices) :: go terms sizes
        | Pick picks :: terms, size :: sizes ->
            let indices = picks |> List.map (fun i -> if i < 0 then i + size else i)
            (Some indices.Length, Some indices) :: go terms sizes
        | Mask mask :: terms, _ :: sizes ->
            let indices = mask |> List.indexed |> List.filter snd |> List.map fst
            (Some indices.Length, Some indices) :: go terms sizes
        | _ -> []

    let axes = go full shape
    let sources = axes |> List.choose snd
    let result = axes |> List.choose fst

    result,
    List.foldBack
        (fun choices rest ->
            [
                for c in choices do
                    for tail in rest -> c :: tail
            ])
        sources
        [ [] ]

let private indexOf term : Index =
    match term with
    | At i -> Index.Single(Nullable(int64 i))
    | Slice(start, stop, step) ->
        let wide o =
            o |> Option.map int64 |> Option.toNullable

        Index.Slice(wide start, wide stop, Nullable(int64 step))
    | Whole -> Index.Colon
    | NewAxis -> Index.None
    | Rest -> Index.Ellipsis
    | Pick picks -> Index.Tensor(torch.tensor (picks |> List.map int64 |> Array.ofList))
    | Mask mask -> Index.Tensor(torch.tensor (Array.ofList mask))

type private Case = { Shape: int list; Terms: Term list }

let private cases =
    gen {
        let! rank = Gen.choose (1, 4)
        let! shape = Gen.listOfLength rank (Gen.choose (1, 4))
        let! count = Gen.choose (0, rank)
        let! rest = Gen.elements [ true; false ]
        let! restAt = Gen.choose (0, count)
        // An ellipsis sends the terms behind it to the last dimensions.
        let dims =
            [
                for i in 0 .. count - 1 -> if rest && i >= restAt then rank - count + i else i
            ]

        let! advanced = Gen.choose (-1, count - 1)

        let term position dim =
            let size = shape[dim]

            if position = advanced then
                Gen.oneof
                    [
                        Gen.choose (-size, size - 1) |> Gen.listOf |> Gen.map Pick
                        Gen.elements [ true; false ] |> Gen.listOfLength size |> Gen.map Mask
                    ]
            else
                Gen.oneof
                    [
                        Gen.constant Whole
                        // Beside a tensor of indices a plain number would count as one, too; a slice of one does not.
                        (if advanced >= 0 then
                             Gen.constant Whole
                         else
                             Gen.choose (-size, size - 1) |> Gen.map At)
                        gen {
                            let! start = Gen.choose (-size - 1, size + 1) |> Gen.optionOf
                            let! stop = Gen.choose (-size - 1, size + 1) |> Gen.optionOf
                            let! step = Gen.choose (1, 3)
                            return Slice(start, stop, step)
                        }
                    ]

        let! terms = dims |> List.mapi term |> Gen.sequenceToList
        let! newAxis = Gen.choose (0, 3 * (count + 1))
        let withRest = if rest then List.insertAt restAt Rest terms else terms

        let all =
            if newAxis <= withRest.Length then
                List.insertAt newAxis NewAxis withRest
            else
                withRest

        return { Shape = shape; Terms = all }
    }

let private model (shape: int list) =
    {
        Shape = shape
        Values = Array.init (List.fold (*) 1 shape) int64
    }

let private tensor (m: Model) =
    torch.tensor(m.Values).reshape(m.Shape |> List.map int64 |> Array.ofList)

let private sizes (shape: int list) = shape |> List.map int64

let private check (property: Case -> unit) =
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 400, Prop.forAll (Arb.fromGen cases) property)

[<Fact>]
let ``reading by indices is reading the model's places`` () =
    check (fun case ->
        use scope = torch.NewDisposeScope()
        let m = model case.Shape
        let shape, sources = named case.Shape case.Terms
        let got = (tensor m).index(case.Terms |> List.map indexOf |> Array.ofList)
        Assert.Equal<int64 list>(sizes shape, List.ofArray got.shape)

        Assert.Equal<int64 list>(
            sources |> List.map (read m),
            List.ofArray (got.contiguous().data<int64>().ToArray())
        ))

[<Fact>]
let ``writing by indices writes the model's places and no others`` () =
    check (fun case ->
        use scope = torch.NewDisposeScope()
        let m = model case.Shape
        let shape, sources = named case.Shape case.Terms
        let t = tensor m
        let news = sources |> List.mapi (fun i _ -> -1L - int64 i)
        // With a place named twice the last value need not win; write one value then.
        let value =
            if List.distinct sources = sources then
                torch.tensor(Array.ofList news).reshape(sizes shape |> Array.ofList)
            else
                torch.tensor -1L

        t.index_put_ (value, case.Terms |> List.map indexOf |> Array.ofList) |> ignore

        let expected = Array.copy m.Values

        let at place =
            List.map2 (*) place (strides case.Shape) |> List.sum

        List.iteri
            (fun i place -> expected[at place] <- if List.distinct sources = sources then news[i] else -1L)
            sources

        Assert.Equal<int64[]>(expected, t.data<int64>().ToArray()))

[<Fact>]
let ``without a tensor among them the indices give a view`` () =
    use x = torch.zeros (3L, 4L)
    use view = x[Index.Slice(1, 3), Index.Single 2L]
    view.fill_ (Scalar.op_Implicit 5) |> ignore
    Assert.Equal<float32[]>([| 0f; 5f; 5f |], x.select(1L, 2L).contiguous().data<float32>().ToArray())

[<Fact>]
let ``numbers, ranges and indices from the end work as in C#`` () =
    use x = torch.arange(Scalar.op_Implicit 24L).reshape(2L, 3L, 4L)
    Assert.Equal(23L, x[1L, 2L, 3L].ToInt64())
    Assert.Equal(23L, x[-1L, -1L, -1L].ToInt64())

    Assert.Equal<int64[]>(
        [| 2L; 4L |],
        x[Index.op_Implicit 0L, Index.Slice(Range(System.Index 1, System.Index(0, true))), Index.Colon].shape
    )

    Assert.Equal(
        12L,
        x[Index.op_Implicit (System.Index(1, true)), Index.Single 0L, Index.Single 0L].ToInt64()
    )

[<Fact>]
let ``a mask of several dimensions picks its true places in order`` () =
    use x = torch.arange(Scalar.op_Implicit 6L).reshape(2L, 3L)
    use even = x.remainder(Scalar.op_Implicit 2).eq(Scalar.op_Implicit 0)
    Assert.Equal<int64[]>([| 0L; 2L; 4L |], x[even].data<int64>().ToArray())
    x[even] <- torch.tensor -1L
    Assert.Equal<int64[]>([| -1L; 1L; -1L; 3L; -1L; 5L |], x.data<int64>().ToArray())

[<Fact>]
let ``several tensors of indices go together`` () =
    use x = torch.arange(Scalar.op_Implicit 12L).reshape(3L, 4L)
    use rows = torch.tensor [| 0L; 2L |]
    use columns = torch.tensor [| 1L; 3L |]
    Assert.Equal<int64[]>([| 1L; 11L |], x[rows, columns].data<int64>().ToArray())
    x.index_put_ (torch.tensor 100L, [| rows; columns |], true) |> ignore
    Assert.Equal<int64[]>([| 101L; 111L |], x[rows, columns].data<int64>().ToArray())

[<Fact>]
let ``too many indices are refused with both numbers`` () =
    use x = torch.zeros (2L, 3L)

    let error =
        Assert.Throws<ArgumentException>(fun () ->
            x[Index.Single 0L, Index.Single 0L, Index.Single 0L] |> ignore)

    Assert.Contains("3 for a tensor of 2", error.Message)

[<Fact>]
let ``indexing leaves no tensor behind`` () =
    use x = torch.arange(Scalar.op_Implicit 24L).reshape(2L, 3L, 4L)
    use pick = torch.tensor [| 0L; 1L |]

    let left =
        Given.leaked (fun () ->
            x[Index.Single 0L, Index.Slice(1, 3), Index.Ellipsis].Dispose()
            x[Index.Ellipsis, Index.Tensor pick].Dispose()

            x.index_put_ (Scalar.op_Implicit 1, Index.Single 0L, Index.None, Index.Bool true)
            |> ignore

            x[0L, 1L, 2L].Dispose())

    Assert.Equal(0L, left)
