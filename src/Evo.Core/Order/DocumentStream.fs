namespace Evo.Core

open System
open System.Collections.Generic
open System.Numerics
open System.Threading
open System.Threading.Tasks

/// Documents in some order, laid one after the other: a long line of tokens in which any place is found. Only every 64th
/// document's place is remembered, the others are counted from there: a data set of 100 million documents takes 20 MB.
/// Documents of length 0 are not used: they have their place in the order, and take no room.
[<Sealed>]
type DocumentStream(places: int, documentAt: Func<int, int>, lengths: IReadOnlyList<int>) =

    static let stride = 64
    let lengthAt place = lengths[documentAt.Invoke place]

    // Tokens, and documents that are used, before each 64th place.
    let tokens, used =
        let blocks = (places + stride - 1) / stride

        let tokens, used =
            Array.zeroCreate<int64>(blocks + 1), Array.zeroCreate<int>(blocks + 1)

        let count block =
            for place in block * stride .. min places ((block + 1) * stride) - 1 do
                let length = lengthAt place

                if length > 0 then
                    tokens[block + 1] <- tokens[block + 1] + int64 length
                    used[block + 1] <- used[block + 1] + 1

        Parallel.For(0, blocks, count) |> ignore

        for block in 1..blocks do
            tokens[block] <- tokens[block] + tokens[block - 1]
            used[block] <- used[block] + used[block - 1]

        tokens, used

    // The last block whose entry is not above the wanted one.
    static let block (entries: 'T array when 'T: comparison) wanted =
        let mutable low, high = 0, entries.Length - 1

        while high - low > 1 do
            let middle = low + (high - low) / 2

            if entries[middle] <= wanted then
                low <- middle
            else
                high <- middle

        low

    /// Documents that are used.
    member _.Documents = used[used.Length - 1]
    /// Tokens in them.
    member _.Tokens: int64 = tokens[tokens.Length - 1]
    /// Documents in all, those that are not used included.
    member _.Places = places

    /// The document at a place, and its tokens; 0 where it is not used.
    member _.At(place: int) : struct (int * int) =
        let document = documentAt.Invoke place
        struct (document, lengths[document])

    /// The place of the document that holds a token of the line, and the document's first token in the line.
    member _.PlaceOf(token: int64) : struct (int * int64) =
        let found = block tokens token
        let mutable place = found * stride
        let mutable start = tokens[found]
        let mutable length = lengthAt place

        while token >= start + int64 length do
            start <- start + int64 length
            place <- place + 1
            length <- lengthAt place

        struct (place, start)

    /// The place of a used document, by its number among them.
    member _.PlaceOfUsed(number: int) : int =
        let found = block used number
        let mutable place = found * stride
        let mutable left = number - used[found]

        while left > 0 || lengthAt place = 0 do
            if lengthAt place > 0 then
                left <- left - 1

            place <- place + 1

        place

    /// The documents `first` .. `first + count - 1` of a data set, in their own order.
    static member InOrder(lengths: IReadOnlyList<int>, first: int, count: int) =
        DocumentStream(count, (fun place -> first + place), lengths)

    /// The same documents in an order that a seed gives and no table holds.
    static member Shuffled(lengths: IReadOnlyList<int>, first: int, count: int, seed: uint64) =
        let permutation = Permutation(seed, int64 count)
        DocumentStream(count, (fun place -> first + int (permutation.At(int64 place))), lengths)

    /// The same documents in InternEvo's order: those that are used, shuffled by `RandomState(1024)`.
    static member AsInternEvo(lengths: IReadOnlyList<int>, first: int, count: int) =
        let kept =
            [|
                for document in first .. first + count - 1 do
                    if lengths[document] > 0 then
                        document
            |]

        RandomState(1024u).Shuffle(Span kept)
        DocumentStream(kept.Length, (fun place -> kept[place]), lengths)
