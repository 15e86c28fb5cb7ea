/// The device that `--device` names.
module Evo.Cli.ComputeDevice

open Evo.Core
open TorchSharp
open Evo.Cli.Refusal

let words = "cpu (default) or cuda."

/// The device of a name; refuses one that is unknown or not there.
let parse name =
    match name with
    | "cpu" -> torch.CPU
    | "cuda" when torch.cuda.is_available () -> torch.CUDA
    | "cuda" ->
        refuse
            ExitCode.Machine
            "--device cuda: this libtorch finds no CUDA device; evo doctor says what was found"
    | other -> usage $"--device {other}: must be cpu or cuda" ""
