/// The options of `evo verify`.
namespace Evo.Cli

open Argu

type VerifyOption =
    | [<MainCommand; Unique>] Model of model: string
    | Hf of folder: string
    | Golden of file: string
    | Packed of file: string
    | Strict
    | Dtype of dtype: string
    | Device of device: string
    | Kernels of which: string
    | Recompute of fraction: float
    | Layouts of which: string
    | World of ranks: int
    | Mode of mode: string
    | Tp of ranks: int
    | Wp of ranks: int
    | Pp of stages: int
    | Schedule of name: string
    | Chunks of pieces: int
    | Micro_Batches of number: int
    | Zero of ranks: int
    | Fsdp of ranks: int
    | Expert of ranks: int
    | No_Tp
    | Selective
    | All_Reduce
    | Set of assignment: string
    | Assembly of path: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Model _ ->
                "the model to lay out: a family's name, a configuration, a Hugging Face folder, a run or a checkpoint; with --assembly it may be left out."
            | Hf _ -> "a Hugging Face folder: config.json and weights."
            | Golden _ ->
                "figures to compare with, a safetensors file: input_ids, labels, and any of logits, loss, hidden states and gradients; or a folder with golden.safetensors."
            | Packed _ -> "figures of two sequences packed into one row."
            | Strict -> "take the strict column: what a sound float32 path reaches."
            | Dtype _ -> "float32 (default) or float64, of recorded figures; the law of parity is in float64."
            | Device _ -> ComputeDevice.words
            | Kernels _ ->
                "native (default): operators of our own compute; plain: the public operators that define them."
            | Recompute _ ->
                "part of the layers computed again in the backward pass, to verify that way too; default 0."
            | Layouts _ ->
                "all: layouts in which every pair of settings occurs; every: all that the model allows."
            | World _ ->
                "with --layouts: most ranks, 8 without it. Of one layout: all its ranks; as few as it needs without it."
            | Mode _ -> "one layout: mtp, msp, fsp or isp; mtp without it."
            | Tp _ -> "one layout: ranks that share a batch."
            | Wp _ -> "one layout: ranks that share each weight, in mode isp."
            | Pp _ -> "one layout: stages of the pipeline."
            | Schedule _ -> "one layout: 1F1B (default), ZBH1 or ZBV."
            | Chunks _ ->
                "one layout: pieces of the model that a stage holds; above 1, 1F1B is interleaved. 2 with ZBV."
            | Micro_Batches _ -> "one layout: micro-batches of a step; twice the stages without it."
            | Zero _ -> "one layout: ranks that share the optimizer's state; -1 for all."
            | Fsdp _ -> "one layout: ranks that share each parameter; -1 for all."
            | Expert _ -> "one layout: ranks over which experts are dealt out."
            | No_Tp -> "one layout: experts are not split over the tensor axis."
            | Selective -> "one layout: recomputed layers keep what attention gave."
            | All_Reduce -> "one layout: every rank receives the whole sum of the gradients."
            | Set _ -> "path=value: set a key of the configuration; may be given several times."
            | Assembly _ -> Assemblies.usage
            | Json -> "write every quantity or layout as JSON, for a program."
