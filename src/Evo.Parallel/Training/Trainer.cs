using Evo.Core;
using Evo.Data;
using Evo.Models;
using Evo.Torch;
using TorchSharp;

namespace Evo.Parallel;

/// <summary>What a run does about the checkpoints of its own folder.</summary>
public enum ResumeRule
{
    /// <summary>Continue the newest one if <c>ckpt.auto_resume</c> says so and there is one.</summary>
    AsConfigured,

    /// <summary>Continue the newest one; that there is none is an error.</summary>
    Required,
}

/// <summary>
/// Trains a model as its configuration says: prepares data on first use, resumes or begins, runs the steps, validates, saves.
/// Everything a person may want to see comes as a <see cref="TrainEvent"/>, on the thread that calls <see cref="Run"/>.
/// </summary>
/// <param name="config">The run, checked.</param>
/// <param name="events">Told what happens, in order.</param>
/// <param name="resume">What to do about checkpoints that are there.</param>
public sealed class Trainer(RunConfig config, IProgress<TrainEvent>? events = null, ResumeRule resume = ResumeRule.AsConfigured)
{
    /// <summary>Runs to the last step, or until <paramref name="stop"/>: then the step under way is finished and the run saved.</summary>
    /// <exception cref="ModelConfigException">The model's sizes contradict each other.</exception>
    /// <exception cref="DataException">Data is missing, damaged or too small.</exception>
    /// <exception cref="CheckpointException">A checkpoint cannot be written, or the one to resume from is damaged or belongs to another run.</exception>
    /// <exception cref="TrainingException">
    /// The run asks for what this build cannot do, tokenizer and model do not fit, or the gradient stays infinite.
    /// </exception>
    /// <exception cref="OperationCanceledException">Stopped before the first step, during the preparation of data.</exception>
    public RunResult Run(CancellationToken stop)
    {
        if (config.NotYet is { Length: > 0 } lines)
            throw new TrainingException(string.Join("\n", lines));
        var spec = SpecOf(config);
        using var held = RunLock.Take(config.Folder);
        held.Write("config.json", config.ToJson());
        var store = config.Ckpt.EnableSaveCkpt ? new CheckpointStore(config.CheckpointFolder, config.Ckpt.KeepLast) : null;
        store?.Open();
        var found = Find(store);
        var places = Preparation.Run(config, new Relay(progress => Tell(new TrainEvent.Preparing(progress))), stop);
        SetUpDevice();

        using var tokenizer = places.TokenizerPath is { } path ? SentencePieceTokenizer.Load(path) : null;
        RequireFit(spec, tokenizer);
        using var data = new TrainingData(config, places, spec.Size.VocabSize);
        Tell(new TrainEvent.DataOpened(places.TrainFolder, data.Tokens, data.Rows, Math.Max(1, data.Rows / config.Data.MicroNum), data.ValidRowCount));
        using var model = TrainedModel.Build(
            spec, TrainedModel.ScalarTypeOf(config.Model.ElementType), DeviceOf(config), config.Model.Checkpoint, config.Adam.DecayNormsAndBiases);
        Tell(new TrainEvent.ModelBuilt(spec.Family.Name, spec.ParameterCount, config.Model.Dtype));

        var checkpoints = new RunCheckpoints(config, spec, places, data, store);
        var state = Begin(found, checkpoints, model);
        using var metrics = new MetricsFile(Path.Combine(config.Folder, "metrics.jsonl"), state.Step);
        var loop = new TrainLoop(config, model, data, store is null ? null : checkpoints, metrics, new StepReports(config, spec), Tell);
        (state, var end) = loop.Run(state, found?.Path, stop);

        var baselines = end == RunEnd.Completed ? CountBaselines(data, spec) : null;
        var sample = end == RunEnd.Completed ? WriteSample(model, tokenizer) : null;
        return new(
            end, state.Step, state.Updates, config.Folder, loop.Newest, state.FirstValidLoss, state.LastValidLoss,
            baselines?.Bigram, baselines?.Trigram, sample);
    }

    private void Tell(TrainEvent happened) => events?.Report(happened);

    private static CausalLM SpecOf(RunConfig config)
    {
        var family = ModelFamilies.Find(config.ModelType)
            ?? throw new TrainingException($"model_type = {config.ModelType}: no such family; there are {string.Join(", ", ModelFamilies.All)}");
        return family.FromKeys(config.Model.FamilyKeys);
    }

    // The checkpoint to continue, checked; null for a fresh start.
    private Checkpoint? Find(CheckpointStore? store)
    {
        var steps = store?.Steps() ?? [];
        if (resume == ResumeRule.AsConfigured && !config.Ckpt.AutoResume)
        {
            return steps is [var newest, ..]
                ? throw new CheckpointException(
                    CheckpointFault.InTheWay,
                    $"{config.CheckpointFolder}: holds the checkpoint of step {newest}, and ckpt.auto_resume is false: a fresh start would overwrite the run. Continue it with --resume, give this run another job_name, or remove the folder.")
                : null;
        }

        var refusals = new List<string>();
        var checkpoint = store?.Newest((folder, reason) =>
        {
            refusals.Add(reason);
            Tell(new TrainEvent.CheckpointRefused(folder, reason));
        });
        if (checkpoint is null && refusals.Count > 0)
        {
            throw new CheckpointException(
                CheckpointFault.Damaged,
                $"{config.CheckpointFolder}: none of its {refusals.Count} checkpoints is whole ({refusals[0]}). Restore one, or remove the folder to begin anew.");
        }

        return checkpoint is null && resume == ResumeRule.Required
            ? throw new CheckpointException(CheckpointFault.Missing, $"{config.CheckpointFolder}: there is no checkpoint to resume from; leave out --resume to begin.")
            : checkpoint;
    }

    private TrainState Begin(Checkpoint? found, RunCheckpoints checkpoints, TrainedModel model)
    {
        var seed = (ulong)config.Seed;
        torch.manual_seed((long)(Seeds.Of(seed, "dropout") >> 1));
        if (found is not null)
        {
            var state = checkpoints.Resume(found, model);
            Tell(new TrainEvent.Resumed(state.Step, found.Path));
            return state;
        }

        if (config.Ckpt.LoadCkptInfo.Path is { } start)
        {
            return new Start(config.Ckpt.LoadCkptInfo, checkpoints, model).From(start, Seeds.Of(seed, "initialization"));
        }

        model.Optimizer.ChangeWeights(() => model.Module.Initialize(Seeds.Of(seed, "initialization")));
        return new TrainState();
    }

    private void SetUpDevice()
    {
        if (config.Train.Threads > 0)
        {
            Threads.Set(config.Train.Threads);
        }

        if (config.Train.Deterministic)
        {
            NativeTorch.Deterministic = true;
        }
    }

    private static torch.Device DeviceOf(RunConfig config)
    {
        var gpu = torch.cuda.is_available();
        return config.Train.Device switch
        {
            "cpu" => torch.CPU,
            "cuda" when !gpu => throw new TrainingException("train.device = cuda: this libtorch finds no GPU; use cpu or auto"),
            _ => gpu ? torch.CUDA : torch.CPU,
        };
    }

    private static void RequireFit(CausalLM spec, Tokenizer? tokenizer)
    {
        if (tokenizer is not null && tokenizer.VocabSize > spec.Size.VocabSize)
        {
            throw new TrainingException(
                $"model.vocab_size = {spec.Size.VocabSize}: the tokenizer has {tokenizer.VocabSize} pieces, and every piece needs a row; use {tokenizer.VocabSize} or more, or another tokenizer");
        }
    }

    private NGramLoss? CountBaselines(TrainingData data, CausalLM spec)
    {
        if (config.Prepare.Source == "none" || !config.Prepare.Baselines || data.ValidRowCount == 0)
        {
            return null;
        }

        var loss = NGramBaseline.Count(spec.Size.VocabSize, data.TrainRows()).Loss(data.ValidRows());
        Tell(new TrainEvent.Baselines(loss.Bigram, loss.Trigram));
        return loss;
    }

    private string? WriteSample(TrainedModel model, Tokenizer? tokenizer)
    {
        if (config.Train.SamplePrompt is not { } prompt || tokenizer is null)
        {
            return null;
        }

        var options = new SamplingOptions { MaxNewTokens = config.Train.SampleTokens, Temperature = 0.8, TopP = 0.95, Seed = (ulong)config.Seed };
        var text = string.Concat(new Generator(model.Module, tokenizer).Stream(prompt, options));
        Tell(new TrainEvent.Sample(prompt, text));
        return text;
    }

    private sealed class Relay(Action<PreparationEvent> tell) : IProgress<PreparationEvent>
    {
        public void Report(PreparationEvent value) => tell(value);
    }
}
