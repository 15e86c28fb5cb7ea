namespace Evo.Core

open System
open System.Collections.Generic
open System.Globalization

/// What an operator spends its time on.
type OperatorKind =
    /// Matrix products: bound by arithmetic.
    | Products
    | Attention
    /// All that only moves or changes elements: bound by memory.
    | Memory
    /// Waiting for other ranks, and what is done for it.
    | Communication
    /// No operator runs: the work of .NET, and of libtorch around its operators.
    | Host

    override kind.ToString() =
        match kind with
        | Products -> "matrix products"
        | Attention -> "attention"
        | Memory -> "memory-bound"
        | Communication -> "communication"
        | Host -> "host"

/// One call of an operator, or one wait for other ranks. Calls of a thread lie one after the other or inside one another.
type ProfiledCall =
    {
        Name: string
        /// A number of the thread.
        Thread: int
        /// Seconds since the step began.
        Begin: float
        End: float
        /// Floating-point operations of products and attention; those of calls inside it, too.
        Operations: int64
        /// Bytes of the tensors that it reads and writes, where it moves any.
        Bytes: int64
        /// Whether it is a call of a group of ranks.
        Waits: bool
    }

/// What the machine can do at best, measured beside the step.
type Ceilings =
    {
        /// Floating-point operations per second of a large matrix product.
        Operations: float
        /// Bytes per second read and written by a copy of a large tensor.
        Bytes: float
    }

/// Calls of one name, or of one kind, without what was called inside them.
type ProfileRow =
    {
        Name: string
        Kind: OperatorKind
        Calls: int
        Seconds: float
        Operations: int64
        Bytes: int64
    }

    /// Seconds beyond what the same work takes at the machine's ceiling; unset where no work is known.
    member row.Gap(ceilings: Ceilings) =
        match row.Kind with
        | Products
        | Attention when row.Operations > 0L ->
            Nullable(row.Seconds - float row.Operations / ceilings.Operations)
        | Memory when row.Bytes > 0L -> Nullable(row.Seconds - float row.Bytes / ceilings.Bytes)
        | _ -> Nullable()

/// What one rank did when in one step of training.
type StepProfile =
    {
        /// The step of the run, from 1.
        Step: int64
        /// How long it took.
        Seconds: float
        Calls: IReadOnlyList<ProfiledCall>
        /// How often the host asked for values that a device would have been waited for.
        Reads: int64
        Ceilings: Ceilings
    }

module private Profiling =
    /// Products by libtorch's own operators; those in place have an underscore behind their names.
    let products =
        set
            [
                "aten::mm"
                "aten::addmm"
                "aten::bmm"
                "aten::baddbmm"
                "aten::_addmm_activation"
                "aten::linear"
                "aten::matmul"
            ]

    let kindOf (call: ProfiledCall) operations =
        if call.Waits then
            Communication
        elif call.Name.Contains("attention", StringComparison.OrdinalIgnoreCase) then
            Attention
        elif operations > 0L || products.Contains(call.Name.TrimEnd '_') then
            Products
        else
            Memory

    /// Every call with what of it was not done by calls inside it: seconds, operations, bytes; and those that lie in no other.
    let alone (calls: ProfiledCall seq) =
        let rows = List<struct (ProfiledCall * float * int64 * int64)>()
        let outer = List<ProfiledCall>()

        for _, own in calls |> Seq.groupBy _.Thread do
            // What is under way, innermost first, each with what its inner calls have taken so far.
            let rec close until (open': (ProfiledCall * float * int64 * int64) list) =
                match open' with
                | (call, seconds, operations, bytes) :: around when call.End <= until ->
                    rows.Add(
                        struct (call,
                                max 0.0 (call.End - call.Begin - seconds),
                                max 0L (call.Operations - operations),
                                max 0L (call.Bytes - bytes))
                    )

                    match around with
                    | (outer, s, o, b) :: rest ->
                        close
                            until
                            ((outer, s + call.End - call.Begin, o + call.Operations, b + call.Bytes) :: rest)
                    | [] ->
                        outer.Add call
                        []
                | still -> still

            let mutable under = []

            for call in own |> Seq.sortBy (fun c -> c.Begin, -c.End) do
                under <- (call, 0.0, 0L, 0L) :: close call.Begin under

            close infinity under |> ignore

        rows, outer

    /// Seconds in which at least one of the calls runs.
    let covered (calls: ProfiledCall seq) =
        let sum, _ =
            calls
            |> Seq.sortBy _.Begin
            |> Seq.fold
                (fun (sum, reached) call ->
                    sum + max 0.0 (call.End - max reached call.Begin), max reached call.End)
                (0.0, Double.NegativeInfinity)

        sum

    let summed name kind (calls: seq<struct (ProfiledCall * float * int64 * int64)>) : ProfileRow =
        let mutable count, seconds, operations, bytes = 0, 0.0, 0L, 0L

        for struct (_, s, o, b) in calls do
            count <- count + 1
            seconds <- seconds + s
            operations <- operations + o
            bytes <- bytes + b

        {
            Name = name
            Kind = kind
            Calls = count
            Seconds = seconds
            Operations = operations
            Bytes = bytes
        }

type StepProfile with

    /// Calls by name, those that took longest first.
    member profile.Operators: ProfileRow list =
        let rows, _ = Profiling.alone profile.Calls

        rows
        |> Seq.groupBy (fun struct (call, _, operations, _) -> call.Name, Profiling.kindOf call operations)
        |> Seq.map (fun ((name, kind), calls) -> Profiling.summed name kind calls)
        |> Seq.sortByDescending _.Seconds
        |> List.ofSeq

    /// Calls by kind, and what is left of the step as the host's, those that took longest first.
    member profile.Kinds: ProfileRow list =
        let rows, outer = Profiling.alone profile.Calls

        let host =
            { Profiling.summed (string Host) Host [] with
                Seconds = max 0.0 (profile.Seconds - Profiling.covered outer)
            }

        rows
        |> Seq.groupBy (fun struct (call, _, operations, _) -> Profiling.kindOf call operations)
        |> Seq.map (fun (kind, calls) -> Profiling.summed (string kind) kind calls)
        |> Seq.append [ host ]
        |> Seq.sortByDescending _.Seconds
        |> List.ofSeq

    /// The step as a page of events in Chrome's trace format (Trace Event Format, "complete" events), which chrome://tracing and
    /// Perfetto draw. Times are microseconds.
    member profile.ToChromeTrace(rank: int) : string =
        let number (value: float) =
            Json.make (JNumber(value.ToString("0.###", CultureInfo.InvariantCulture)))

        let text (value: string) = Json.make (JString value)

        let event (name: string) (kind: string) (thread: int) (start: float) (length: float) arguments =
            Json.makeObject
                [
                    "name", text name
                    "cat", text kind
                    "ph", text "X"
                    "ts", number (start * 1e6)
                    "dur", number (length * 1e6)
                    "pid", number (float rank)
                    "tid", number (float thread)
                    "args", Json.makeObject arguments
                ]
            |> Json.compact

        let events =
            [
                event $"step {profile.Step}" "step" -1 0.0 profile.Seconds []
                for call in profile.Calls do
                    event
                        call.Name
                        (string (Profiling.kindOf call call.Operations))
                        call.Thread
                        call.Begin
                        (call.End - call.Begin)
                        [
                            if call.Operations > 0L then
                                "operations", number (float call.Operations)
                            if call.Bytes > 0L then
                                "bytes", number (float call.Bytes)
                        ]
            ]

        "{\"traceEvents\": [\n"
        + String.Join(",\n", events)
        + "\n], \"displayTimeUnit\": \"ms\"}\n"
