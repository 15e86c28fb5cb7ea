/// A model in one piece and in stages, in float64 and with every constant start moved, so that nothing hides.
module Evo.Parity.Tests.Pieces

open System
open Evo.Models
open Evo.Parallel
open TorchSharp

let private seed = 20UL

/// Gains of one and biases of zero hide mistakes.
let private nudge (model: CausalLMModule) =
    use quiet = torch.no_grad ()

    for p in model.Table do
        if p.Info.Init.Std = 0.0 then
            use generator = new torch.Generator(CausalLMModule.Stream(seed + 1UL, p.Info.Name))
            use drawn = torch.empty (Array.ofSeq p.Info.Shape, dtype = torch.float64)
            drawn.normal_ (0.0, 0.2, generator) |> ignore
            use share = ParameterLayout.Share(p.Info, drawn, model.Ranks)
            p.Value.add_ share |> ignore

/// A module, or a stage of it.
let build (spec: CausalLM) ranks (stage: StageRange option) recompute (blocks: BlockEvents | null) =
    let model =
        spec.Build(
            BuildOptions(
                Dtype = torch.float64,
                InitSeed = Nullable seed,
                Ranks = ranks,
                Dropout = false,
                RecomputeFraction = recompute,
                Stage = Option.toNullable stage,
                Blocks = blocks
            )
        )

    nudge model
    model.train ()
    model

let tensors (batch: ParityBatch) =
    torch.tensor batch.Ids, torch.tensor batch.Labels

/// Cross entropy and what routers add.
let total (sum: torch.Tensor) (auxiliary: AuxiliaryLosses | null) =
    match auxiliary with
    | null -> sum * 0.01
    | a -> sum * 0.01 + (a.Balance + a.Z) * 0.3

let numbers (t: torch.Tensor) = t.contiguous().data<double>().ToArray()

let gradients (model: CausalLMModule) =
    [
        for p in model.Table ->
            p.Info.Name,
            (match p.Value.grad with
             | null -> [||]
             | g -> numbers g)
    ]

/// One pass of a model in one piece.
let whole (model: CausalLMModule) (batch: ParityBatch) =
    let ids, labels = tensors batch
    use at = Positions.Sequential(batch.Rows, batch.Length)
    let struct (sum, _, _, _, auxiliary) = model.LossWithRouters(ids, labels, at)
    let loss = total sum auxiliary
    loss.backward ()
    loss.item<double>(), gradients model

type private Passed =
    {
        /// What the stage was given, leaves of its graph.
        Given: torch.Tensor list
        /// What it handed on.
        Left: torch.Tensor list
    }

/// The same in stages, one after the other, each differentiated by itself: the loss, and each stage's gradients.
let inStages (models: CausalLMModule list) (batch: ParityBatch) =
    let ids, labels = tensors batch
    let leaf (t: torch.Tensor) = t.detach().requires_grad_ true
    let places = [ for _ in models -> Positions.Sequential(batch.Rows, batch.Length) ]

    let forward (given: torch.Tensor list) (model: CausalLMModule, at) =
        let received: torch.Tensor | null =
            match given with
            | [ _; sums ] -> sums
            | _ -> null

        let carry = model.Routers received

        let x =
            if model.HoldsEntry then
                model.Enter(ids, at)
            else
                given.Head

        let x = model.RunLayers(x, at, carry)

        if model.HoldsExit then
            let struct (sum, _, _, _) = model.HeadLoss(model.Exit(x, at), labels)
            [ total sum (model.AuxiliaryLoss carry) ]
        else
            match carry with
            | null -> [ x ]
            | carry -> [ x; carry.Sums ]

    let passed =
        (([], []), List.zip models places)
        ||> List.fold (fun (given, passed) stage ->
            let left = forward given stage
            List.map leaf left, { Given = given; Left = left } :: passed)
        |> snd

    // The last stage first; each hands the gradient of what it was given to the one before it.
    (None, passed)
    ||> List.fold (fun behind stage ->
        match behind with
        | None -> stage.Left.Head.backward ()
        | Some(given: torch.Tensor list) ->
            let pairs =
                List.zip stage.Left given
                |> List.filter (fun (left, given) -> left.requires_grad && not (isNull given.grad))

            torch.autograd.backward (
                ResizeArray(List.map fst pairs),
                ResizeArray [ for _, g in pairs -> nonNull g.grad ]
            )

        Some stage.Given)
    |> ignore

    for at in places do
        at.Dispose()

    passed.Head.Left.Head.item<double>(), List.map gradients models
