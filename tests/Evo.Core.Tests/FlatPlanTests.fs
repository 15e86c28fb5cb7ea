/// Flat buffers: every element has one owner, and bytes are what the formulas say.
module Evo.Core.Tests.FlatPlanTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

type private Case =
    {
        Parameters: FlatParameter list
        Bucket: int64
        /// Ranks that share the elements, by class.
        Shards: int list
        PerBlock: bool
    }

    member case.Plans =
        FlatPlan.Of(
            Array.ofList case.Parameters,
            case.Bucket,
            (fun cls -> case.Shards[int cls]),
            case.PerBlock
        )

let private parameter =
    gen {
        let! block = Gen.choose (0, 5)
        let! count = Gen.frequency [ 1, Gen.choose (0, 2); 4, Gen.choose (1, 100) ]
        let! decays = Gen.elements [ true; false ]
        let! dims = Gen.elements [ 1; 2; 3 ]

        let! cls =
            Gen.elements [ ReductionClass.Data; ReductionClass.WeightData; ReductionClass.ExpertData ]

        let! counts = Gen.elements [ true; false ]

        return
            {
                Name = ""
                Block = block
                Count = int64 count
                Decays = decays
                Dims = dims
                Class = cls
                Counts = counts
            }
    }

let private cases =
    gen {
        let! parameters = Gen.nonEmptyListOf parameter
        let! bucket = Gen.elements [ 1L; 40L; 200L; 100_000L ]
        let! shards = Gen.listOfLength 3 (Gen.elements [ 1; 2; 3; 4; 8 ])
        let! perBlock = Gen.elements [ true; false ]

        return
            {
                Parameters = parameters |> List.mapi (fun i p -> { p with Name = $"p{i}" })
                Bucket = bucket
                Shards = shards
                PerBlock = perBlock
            }
    }

let private smaller case =
    seq {
        for i in 0 .. case.Parameters.Length - 1 do
            if case.Parameters.Length > 1 then
                { case with
                    Parameters = List.removeAt i case.Parameters
                }
    }

let private holds property = forAll cases smaller property

let private eachPlan (property: FlatPlan -> bool) =
    holds (fun case -> case.Plans |> Seq.forall property)

let private places (plan: FlatPlan) = [ 0 .. plan.Shards - 1 ]

[<Fact>]
let ``every parameter has a slot in the plan of its class, in the order given`` () =
    holds (fun case ->
        case.Plans
        |> Seq.forall (fun plan ->
            [ for slot in plan.Slots -> slot.Parameter ] =
                (case.Parameters |> List.filter (fun p -> p.Class = plan.Class))
            && plan.Shards = case.Shards[int plan.Class])
        && (case.Plans |> Seq.sumBy _.Slots.Count) = case.Parameters.Length)

[<Fact>]
let ``every element of every parameter is owned by exactly one place`` () =
    eachPlan (fun plan ->
        plan.Slots
        |> Seq.forall (fun slot ->
            let owners =
                [
                    for place in places plan do
                        let piece = plan.PieceOf(slot, place)

                        for i in 0L .. piece.Range.Length - 1L do
                            // In the parameter, in the flat buffer, and in the compact buffer of the place.
                            piece.Start + i, piece.Range.Offset + i, (place, piece.Range.State + i)
                ]

            let runs =
                [
                    for place in places plan do
                        for run in plan.RunsOf place do
                            for i in 0L .. run.Range.Length - 1L do
                                run.Range.Offset + i, (place, run.Range.State + i)
                ]
                |> Map.ofList

            [ for start, _, _ in owners -> start ] = [ 0L .. slot.Length - 1L ]
            && owners
               |> List.forall (fun (start, offset, state) ->
                   offset = slot.Offset + start && runs[offset] = state)))

[<Fact>]
let ``a piece lies inside of its parameter and of what its owner holds, an empty one too`` () =
    eachPlan (fun plan ->
        plan.Slots
        |> Seq.forall (fun slot ->
            places plan
            |> List.forall (fun place ->
                let piece, owned = plan.PieceOf(slot, place), plan.RangeOf(slot.Bucket, place)

                let inside start length first size =
                    first >= start && first + size <= start + length

                inside 0L slot.Length piece.Start piece.Range.Length
                && inside owned.Offset owned.Length piece.Range.Offset piece.Range.Length
                && inside owned.State owned.Length piece.Range.State piece.Range.Length)))

[<Fact>]
let ``the ranges of all places partition the flat buffer, and those of one place its compact buffer`` () =
    eachPlan (fun plan ->
        let ranges place =
            [ for bucket in 0 .. plan.Buckets.Count - 1 -> plan.RangeOf(bucket, place) ]

        let covers length (parts: (int64 * int64) list) =
            let sorted = parts |> List.filter (fun (_, size) -> size > 0L) |> List.sort

            sorted |> List.scan (fun at (_, size) -> at + size) 0L |> List.last = length
            && List.forall2
                (fun (start, _) at -> start = at)
                sorted
                (sorted
                 |> List.scan (fun at (_, size) -> at + size) 0L
                 |> List.take sorted.Length)

        [
            for place in places plan do
                for range in ranges place -> range.Offset, range.Length
        ]
        |> covers plan.Length
        && places plan
           |> List.forall (fun place ->
               [ for range in ranges place -> range.State, range.Length ]
               |> covers plan.ShardLength
               && [ for run in plan.RunsOf place -> run.Range.State, run.Range.Length ]
                  |> covers plan.ShardLength))

[<Fact>]
let ``shards and parameters begin at multiples of 16, gaps are shorter than that, and padding is at the end of a bucket``
    ()
    =
    eachPlan (fun plan ->
        let aligned value = value % 16L = 0L
        let slots = plan.Slots |> Seq.sortBy _.Offset |> List.ofSeq

        slots |> List.forall (fun slot -> aligned slot.Offset)
        && places plan
           |> List.forall (fun place ->
               [ 0 .. plan.Buckets.Count - 1 ]
               |> List.forall (fun b ->
                   let range = plan.RangeOf(b, place)
                   aligned range.Offset && aligned range.State && aligned range.Length))
        && slots
           |> List.pairwise
           |> List.forall (fun (a, b) ->
               a.Bucket <> b.Bucket
               || (b.Offset > a.Offset && b.Offset - a.Offset - max 1L a.Length < 16L))
        && [ 0 .. plan.Buckets.Count - 1 ]
           |> List.forall (fun b ->
               let last = slots |> List.filter (fun slot -> slot.Bucket = b) |> List.last
               let bucket = plan.Buckets[b]

               bucket.Offset + bucket.Length - last.Offset - max 1L last.Length <
                   16L * int64 plan.Shards + 16L))

[<Fact>]
let ``buckets are consecutive whole blocks, and a block begins with what decays, matrices before vectors``
    ()
    =
    eachPlan (fun plan ->
        plan.Slots
        |> Seq.sortBy _.Offset
        |> List.ofSeq
        |> List.pairwise
        |> List.forall (fun (a, b) ->
            (a.Parameter.Block, not a.Parameter.Decays, a.Parameter.Dims < 2)
            <= (b.Parameter.Block, not b.Parameter.Decays, b.Parameter.Dims < 2))
        && plan.Slots
           |> Seq.forall (fun slot ->
               let bucket = plan.Buckets[slot.Bucket]

               bucket.FirstBlock <= slot.Parameter.Block
               && slot.Parameter.Block <= bucket.LastBlock
               && List.ofSeq (plan.BucketsOf slot.Parameter.Block) = [ slot.Bucket ])
        && plan.Buckets
           |> Seq.pairwise
           |> Seq.forall (fun (a, b) -> a.LastBlock < b.FirstBlock && a.Offset + a.Length = b.Offset)
        && (not plan.PerBlock
            || plan.Buckets |> Seq.forall (fun bucket -> bucket.FirstBlock = bucket.LastBlock)))

[<Fact>]
let ``runs keep apart what decays and what counts`` () =
    eachPlan (fun plan ->
        plan.Slots
        |> Seq.forall (fun slot ->
            places plan
            |> List.forall (fun place ->
                let piece = plan.PieceOf(slot, place)

                piece.Range.Length = 0L
                || plan.RunsOf place
                   |> Seq.exists (fun run ->
                       run.Range.Offset <= piece.Range.Offset
                       && piece.Range.Offset + piece.Range.Length <= run.Range.Offset + run.Range.Length
                       && run.Range.State - run.Range.Offset = piece.Range.State - piece.Range.Offset
                       && run.Decays = slot.Parameter.Decays
                       && run.Counts = slot.Parameter.Counts))))

[<Fact>]
let ``with one rank the compact buffer is the flat one`` () =
    eachPlan (fun plan ->
        plan.Shards > 1
        || (plan.ShardLength = plan.Length
            && plan.RunsOf 0 |> Seq.forall (fun run -> run.Range.Offset = run.Range.State)
            && plan.Slots
               |> Seq.forall (fun slot ->
                   let piece = plan.PieceOf(slot, 0)

                   slot.Length = 0L
                   || (piece.Start = 0L
                       && piece.Range.Offset = slot.Offset
                       && piece.Range.Length = slot.Length))))

[<Fact>]
let ``bytes are the sums over all elements, and the ranks' optimizer state together is that of one`` () =
    eachPlan (fun plan ->
        [ DType.F64; DType.F32; DType.BF16; DType.F16 ]
        |> List.forall (fun dtype ->
            let size = FlatMemory.SizeOf dtype
            let state = FlatMemory.SizeOf(FlatMemory.StateType dtype)
            let mixed = size <> state
            let elements = plan.Buckets |> Seq.sumBy _.Length

            let zero, full, narrow, split =
                plan.Bytes(dtype, false, false, false),
                plan.Bytes(dtype, true, false, false),
                plan.Bytes(dtype, false, true, false),
                plan.Bytes(dtype, false, false, true)

            let shards = int64 plan.Shards

            zero.Parameters = elements * size
            && zero.Gradients = elements * (if mixed then size + state else state)
            && narrow =
                { zero with
                    Gradients = elements * size
                }
            && split =
                { zero with
                    Master = if mixed then elements / shards * (state - size) else 0L
                }
            && zero.OptimizerState * shards = 2L * elements * state
            && zero.Master * shards = (if mixed then elements * state else 0L)
            && full.Parameters * shards = elements * size
            && full.Gradients * shards = elements * state
            && full.OptimizerState = zero.OptimizerState
            && full.Total = full.Parameters + full.Gradients + full.OptimizerState + full.Master
            && plan.GatheredBytes(dtype, 0) = size * (plan.Buckets |> Seq.map _.Length |> Seq.max)))

[<Fact>]
let ``an example`` () =
    let p name block count decays =
        {
            Name = name
            Block = block
            Count = count
            Decays = decays
            Dims = if decays then 2 else 1
            Class = ReductionClass.Data
            Counts = true
        }

    let plan =
        FlatPlan.Of(
            [|
                p "table" 0 20L true
                p "norm" 1 8L false
                p "up" 1 40L true
                p "head" 2 5L true
            |],
            50L,
            (fun _ -> 2),
            false
        )
        |> Seq.exactlyOne

    // 32 + 48 + 16 reach 50 with block 1, padded from 96 to 96; block 2 is 16, padded to 32.
    Assert.Equal<int64 seq>([ 0L; 80L; 32L; 96L ], plan.Slots |> Seq.map _.Offset)
    Assert.Equal<int64 seq>([ 96L; 32L ], plan.Buckets |> Seq.map _.Length)

    let runs place =
        [
            for run in plan.RunsOf place -> run.Range.Offset, run.Range.State, run.Range.Length, run.Decays
        ]

    Assert.Equal<(int64 * int64 * int64 * bool) list>([ 0L, 0L, 48L, true; 96L, 48L, 16L, true ], runs 0)

    Assert.Equal<(int64 * int64 * int64 * bool) list>(
        [ 48L, 0L, 32L, true; 80L, 32L, 16L, false; 112L, 48L, 16L, true ],
        runs 1
    )

    Assert.Equal(4L * (96L + 32L), plan.GatheredBytes(DType.F32, 1))

[<Fact>]
let ``a name given twice, a size that is negative and a bucket without elements are refused`` () =
    let p name count =
        {
            Name = name
            Block = 0
            Count = count
            Decays = true
            Dims = 1
            Class = ReductionClass.Data
            Counts = true
        }

    let refused parameters bucket shards (words: string) =
        let error =
            Assert.Throws<ArgumentException>(fun () ->
                FlatPlan.Of(parameters, bucket, (fun _ -> shards), false) |> ignore)

        Assert.Contains(words, error.Message)

    refused [| p "a" 1L; p "a" 2L |] 1L 1 "tied weights are one parameter"
    refused [| p "a" -1L |] 1L 1 "parameter a has -1 elements"
    refused [| p "a" 1L |] 0L 1 "a bucket of 0 elements"
    refused [| p "a" 1L |] 1L 0 "0 ranks share the parameters of class Data"
