/// From one placement to another: the cheapest collectives of the table, and the bytes that they send.
module Evo.Core.Redistribute

/// Bytes that each rank sends for these steps, for a tensor of so many bytes on so many ranks; rounded up.
let bytes (algebra: Algebra) (ranks: int) (tensorBytes: int64) (steps: CollectiveStep list) : int64 =
    let n = int64 ranks

    // A part is an n-th of the tensor, a crumb an n-th of a part, and each goes to n - 1 others.
    let crumbs =
        steps
        |> List.sumBy (fun step ->
            let cost = algebra.Costs[step.Collective.Wire]
            (n - 1L) * (int64 cost.Parts * n + int64 cost.Crumbs))

    (crumbs * tensorBytes + n * n - 1L) / (n * n)

/// What two ranks would send, in crumbs: the order of the wires is the same for any number of ranks.
let private weight (algebra: Algebra) (collective: Collective) =
    let cost = algebra.Costs[collective.Wire]
    2 * cost.Parts + cost.Crumbs

/// The cheapest steps from one placement to another, the fewest where several cost the same, and those that stand first
/// in the table where several are as few; none where the table has no way. A tensor that lies right needs no step.
let plan (algebra: Algebra) (source: Placement) (target: Placement) : CollectiveStep list option =
    // Every way may lead over the whole tensor, and over the dims that are spoken of.
    let places =
        List.distinct [ source; Replicated; Invariant; Partial; Sharded 0; target ]

    let rec relax (best: Map<Placement, (int * int) * CollectiveStep list>) =
        let mutable better = best

        for from in places do
            for next in places do
                match Map.tryFind from better, algebra.Step(from, next) with
                | Some((cost, length), steps), Some step ->
                    let reached = (cost + weight algebra step.Collective, length + 1)

                    if Map.tryFind next better |> Option.forall (fun (known, _) -> reached < known) then
                        better <- better.Add(next, (reached, step :: steps))
                | _ -> ()

        if better = best then best else relax better

    relax (Map.ofList [ source, ((0, 0), []) ])
    |> Map.tryFind target
    |> Option.map (fun (_, steps) -> List.rev steps)
