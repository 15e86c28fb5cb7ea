// Evo's side of the benchmarks: `train` answers bench/run, `gloo`, `ranks` and `pipeline` answer bench/ranks, `operators` prints the table of bench/operators, `emitted` that of bench/emitted, `tokenizer` measures one; `step`, `predict`, `ceiling` and `check` answer bench/gpu.

using Evo.Bench;

switch (args)
{
    case ["train", var folder, .. var options]:
        TrainBench.Serve(folder, Options.Parse(options));
        return 0;
    case ["gloo", var folder, .. var options]:
        GlooBench.Serve(folder, Options.Parse(options));
        return 0;
    case ["ranks", .. var options]:
        RankBench.Print(Options.Parse(options));
        return 0;
    case ["pipeline", .. var options]:
        PipelineBench.Print(Options.Parse(options));
        return 0;
    case ["operators", "--only", var word, .. var options]:
        OperatorBench.Print(Options.Parse(options), word);
        return 0;
    case ["operators", .. var options]:
        OperatorBench.Print(Options.Parse(options));
        return 0;
    case ["emitted", .. var options]:
        EmittedBench.Print(Options.Parse(options));
        return 0;
    case ["tokenizer", var path, var text, .. var options]:
        TokenizerBench.Print(path, text, Options.Parse(options));
        return 0;
    case ["step", var folder, .. var options]:
        return GpuBench.Serve(folder, GpuOptions.Parse(options));
    case ["predict", var folder, .. var options]:
        GpuBench.Predict(folder, GpuOptions.Parse(options));
        return 0;
    case ["ceiling", .. var options]:
        GpuBench.Ceiling(GpuOptions.Parse(options));
        return 0;
    case ["check", .. var options]:
        var device = GpuOptions.Parse(options).Device;
        return OperatorCheck.Print(device) + RecordingCheck.Print(device) == 0 ? 0 : 1;
    default:
        Console.Error.WriteLine("usage: Evo.Bench train FOLDER [--batch 4] [--sequence 256] [--threads 2]");
        Console.Error.WriteLine("       Evo.Bench gloo FOLDER [--batch 4] [--sequence 256] [--threads 1]");
        Console.Error.WriteLine("       Evo.Bench ranks|pipeline [--batch 4] [--sequence 256] [--repeats 7]");
        Console.Error.WriteLine("       Evo.Bench operators [--only WORD] [--threads 2] [--repeats 7]");
        Console.Error.WriteLine("       Evo.Bench emitted [--batch 4] [--sequence 256] [--threads 2] [--repeats 7]");
        Console.Error.WriteLine("       Evo.Bench tokenizer PATH TEXT [--repeats 7]");
        Console.Error.WriteLine("       Evo.Bench step|predict FOLDER [--batch 1] [--sequence 1024] [--device cuda] [--dtype bfloat16] [--recompute 0]");
        Console.Error.WriteLine("       Evo.Bench ceiling|check [--device cuda] [--dtype bfloat16]");
        return 64;
}
