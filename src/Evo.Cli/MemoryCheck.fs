/// Whether a run fits its memory on a number of ranks: found before there are any.
module Evo.Cli.MemoryCheck

open System.Linq
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Cli.Refusal

/// What the layers of a run keep on a number of ranks; None where its configuration says that itself, or where only the device
/// knows how much memory there is. Its layout must be legal.
let plan (run: RunConfig) (world: int) : RecomputePlan option =
    match run.Model.Checkpoint, RunRecompute.BudgetOf run with
    | Auto, budget when budget.HasValue ->
        let spec = ConfigFile.spec run
        let facts = LayoutFacts.Of(spec, run.Data.RowTokens)

        Some(RunRecompute.Plan(run, spec, run.LayoutAt(world, facts.Experts), RunRecompute.OnGpu run, budget))
    | _ -> None

/// Refuses a run whose ranks do not fit; one whose layout is not legal is refused by who knows more about it.
let require (run: RunConfig) (world: int) =
    let facts = LayoutFacts.Of(ConfigFile.spec run, run.Data.RowTokens)

    if not (run.LayoutProblems(world, facts).Any()) then
        match plan run world |> Option.map (fun plan -> RunRecompute.Problem(run, plan)) with
        | Some(NonNull problem) -> refuse ExitCode.Config problem
        | _ -> ()
