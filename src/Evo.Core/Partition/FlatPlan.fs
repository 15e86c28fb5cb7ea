namespace Evo.Core

open System
open System.Collections.Generic

/// The flat buffer of one reduction class on one rank, and who of the ranks that share it owns which elements.
///
/// Blocks stand in their order; inside a block the parameters that decay stand first, and of those that do, or do not, matrices
/// before vectors: the weights of maps of one input follow one another, as their biases do, and are one matrix to a product. Each
/// parameter begins at a multiple of 16 elements, and so does each shard: vectors of every width cut them at the same places, so that an update gives the
/// same bits however elements are dealt out. Buckets are whole blocks, closed as soon as they reach the wanted size, padded
/// at the end to split evenly. Every rank owns its part of each bucket, and keeps state for those parts alone: the compact
/// buffer has them one behind the other.
[<Sealed>]
type FlatPlan
    private
    (cls: ReductionClass, shards: int, perBlock: bool, slots: FlatSlot array, buckets: FlatBucket array) =

    static let alignment = 16L
    static let upTo unit count = (count + unit - 1L) / unit * unit

    let length = buckets |> Array.sumBy _.Length
    let byName = Dictionary<string, FlatSlot>(StringComparer.Ordinal)

    do
        for slot in slots do
            byName.Add(slot.Name, slot)

    /// The plan of one class.
    static member private OfClass
        (
            cls: ReductionClass,
            parameters: FlatParameter array,
            bucketElements: int64,
            shards: int,
            perBlock: bool
        ) =
        let inOrder =
            parameters
            |> Array.indexed
            |> Array.sortBy (fun (i, p) -> p.Block, not p.Decays, p.Dims < 2, i)

        let slots = Array.zeroCreate<FlatSlot> parameters.Length
        let buckets = List<FlatBucket>()
        let mutable next = 0L

        let close first last start =
            let length = upTo (alignment * int64 shards) (next - start)

            buckets.Add
                {
                    FirstBlock = first
                    LastBlock = last
                    Offset = start
                    Length = length
                }

            next <- start + length

        let mutable bucketStart = 0L
        let mutable firstBlock = -1
        let mutable lastBlock = -1

        for block, members in inOrder |> Array.groupBy (fun (_, p) -> p.Block) do
            if firstBlock < 0 then
                firstBlock <- block
                bucketStart <- next

            for i, p in members do
                slots[i] <-
                    {
                        Parameter = p
                        Bucket = buckets.Count
                        Offset = next
                    }

                // What is empty takes a place, too, so that no two parameters begin at one.
                next <- next + upTo alignment (max 1L p.Count)

            lastBlock <- block

            if perBlock || next - bucketStart >= bucketElements then
                close firstBlock lastBlock bucketStart
                firstBlock <- -1

        if firstBlock >= 0 then
            close firstBlock lastBlock bucketStart

        FlatPlan(cls, shards, perBlock, slots, buckets.ToArray())

    /// One plan for each class that has parameters, in the order of the classes.
    /// <param name="parameters">The rank's parameters in the order of the data flow.</param>
    /// <param name="bucketElements">A bucket is closed when it has so many elements.</param>
    /// <param name="shardsOf">How many ranks share the elements of a class.</param>
    /// <param name="perBlock">Whether each block is a bucket of its own, as fully sharded parameters need it.</param>
    static member Of
        (
            parameters: IReadOnlyList<FlatParameter>,
            bucketElements: int64,
            shardsOf: Func<ReductionClass, int>,
            perBlock: bool
        ) : IReadOnlyList<FlatPlan> =
        for _, same in parameters |> Seq.groupBy _.Name do
            if Seq.length same > 1 then
                invalidArg
                    (nameof parameters)
                    $"parameter {(Seq.head same).Name} is given twice; tied weights are one parameter"

        for p in parameters do
            if p.Count < 0L || p.Block < 0 then
                invalidArg
                    (nameof parameters)
                    $"parameter {p.Name} has {p.Count} elements in block {p.Block}; neither can be negative"

        if bucketElements < 1L then
            invalidArg (nameof bucketElements) $"a bucket of {bucketElements} elements; 1 or more are needed"

        [|
            for cls, members in parameters |> Seq.groupBy _.Class |> Seq.sortBy fst do
                let shards = shardsOf.Invoke cls

                if shards < 1 then
                    invalidArg
                        (nameof shardsOf)
                        $"{shards} ranks share the parameters of class {cls}; 1 or more are needed"

                FlatPlan.OfClass(cls, Array.ofSeq members, bucketElements, shards, perBlock)
        |]

    /// The class of all its parameters.
    member _.Class = cls

    /// How many ranks share the elements.
    member _.Shards = shards

    /// Whether each block is a bucket of its own.
    member _.PerBlock = perBlock

    /// One slot per parameter, in the order in which they were given.
    member _.Slots: IReadOnlyList<FlatSlot> = slots

    /// The buckets in the order of the buffer.
    member _.Buckets: IReadOnlyList<FlatBucket> = buckets

    /// Elements of the flat buffer, gaps and padding included.
    member _.Length = length

    /// Elements of each rank's compact buffer.
    member _.ShardLength = length / int64 shards

    /// The slot of a parameter.
    /// <exception cref="T:System.Collections.Generic.KeyNotFoundException">The plan has no such parameter.</exception>
    member _.Slot(name: string) =
        match byName.TryGetValue name with
        | true, slot -> slot
        | _ -> raise (KeyNotFoundException $"no parameter {name} in class {cls}")

    /// Whether the plan has a parameter of this name.
    member _.Has(name: string) = byName.ContainsKey name

    /// What the rank at a place owns of a bucket.
    member _.RangeOf(bucket: int, place: int) : FlatRange =
        let b = buckets[bucket]
        let part = b.Length / int64 shards

        {
            Offset = b.Offset + int64 place * part
            State = b.Offset / int64 shards
            Length = part
        }

    /// What the rank at a place owns of a parameter: nothing, at the beginning of what it owns, where its part of the bucket
    /// ends before the parameter or begins after it.
    member plan.PieceOf(slot: FlatSlot, place: int) : FlatPiece =
        let range = plan.RangeOf(slot.Bucket, place)
        let first = max slot.Offset range.Offset
        let last = min (slot.Offset + slot.Length) (range.Offset + range.Length)

        if first < last then
            {
                Start = first - slot.Offset
                Range =
                    {
                        Offset = first
                        State = range.State + first - range.Offset
                        Length = last - first
                    }
            }
        else
            {
                Start = 0L
                Range = { range with Length = 0L }
            }

    /// All that the rank at a place owns, as few stretches of one kind as possible, in the order of the buffers. A gap
    /// belongs to the parameter before it, padding to the last one of its bucket.
    member plan.RunsOf(place: int) : IReadOnlyList<FlatRun> =
        let ordered = slots |> Array.sortBy _.Offset
        let runs = List<FlatRun>()

        for i in 0 .. ordered.Length - 1 do
            let slot = ordered[i]
            let bucket = buckets[slot.Bucket]
            let range = plan.RangeOf(slot.Bucket, place)

            let ends =
                if i + 1 < ordered.Length && ordered[i + 1].Bucket = slot.Bucket then
                    ordered[i + 1].Offset
                else
                    bucket.Offset + bucket.Length

            let first = max slot.Offset range.Offset
            let last = min ends (range.Offset + range.Length)

            if first < last then
                let run =
                    {
                        Bucket = slot.Bucket
                        Range =
                            {
                                Offset = first
                                State = range.State + first - range.Offset
                                Length = last - first
                            }
                        Decays = slot.Parameter.Decays
                        Counts = slot.Parameter.Counts
                    }

                let joins (before: FlatRun) =
                    before.Decays = run.Decays
                    && before.Counts = run.Counts
                    && before.Range.Offset + before.Range.Length = run.Range.Offset
                    && before.Range.State + before.Range.Length = run.Range.State

                if runs.Count > 0 && joins runs[runs.Count - 1] then
                    let before = runs[runs.Count - 1]

                    runs[runs.Count - 1] <-
                        { before with
                            Range =
                                { before.Range with
                                    Length = before.Range.Length + run.Range.Length
                                }
                        }
                else
                    runs.Add run

        runs

    /// The buckets that hold parameters of a block, as numbers.
    member _.BucketsOf(block: int) : IReadOnlyList<int> =
        [|
            for i in 0 .. buckets.Length - 1 do
                if slots |> Array.exists (fun s -> s.Bucket = i && s.Parameter.Block = block) then
                    i
        |]

    /// The blocks that have parameters in a bucket, in their order.
    member _.BlocksOf(bucket: int) : IReadOnlyList<int> =
        [|
            yield!
                slots
                |> Seq.filter (fun s -> s.Bucket = bucket)
                |> Seq.map _.Parameter.Block
                |> Seq.distinct
                |> Seq.sort
        |]
