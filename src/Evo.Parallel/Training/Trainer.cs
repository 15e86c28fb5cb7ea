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
/// Everything a person may want to see comes as a <see cref="TrainEvent"/>, on the thread that calls <see cref="Run"/>. Every
/// rank of a run has one; the first tells and writes, the others only compute.
/// </summary>
/// <param name="config">The run, checked.</param>
/// <param name="events">Told what happens, in order, on the first rank.</param>
/// <param name="resume">What to do about checkpoints that are there.</param>
/// <param name="world">This rank among all; one rank alone unless given.</param>
public sealed class Trainer(RunConfig config, IProgress<TrainEvent>? events = null, ResumeRule resume = ResumeRule.AsConfigured, RankWorld? world = null)
{
    private readonly RankWorld world = world ?? new SoleRank();

    /// <summary>Whether the first rank's operators are recorded in a step: <see cref="TrainEvent.StepProfiled"/>.</summary>
    public bool ProfilesOperators { get; init; }

    /// <summary>Whether the first rank's memory is looked at over the time of a step: <see cref="TrainEvent.MemoryProfiled"/>.</summary>
    public bool ProfilesMemory { get; init; }

    /// <summary>Whether the ranks of each pipeline measure a step together: <see cref="TrainEvent.PipelineMeasured"/>. The same on every rank.</summary>
    public bool ProfilesPipeline { get; init; }

    private bool Leads => world.Rank == 0;

    // What follows the run; there is one from the moment on in which the run has its folder.
    private RunJournal? journal;

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
        var spec = SpecOf(config);
        var layout = LayoutOf(spec);
        using var held = Leads ? RunLock.Take(config.Folder) : null;
        held?.Write("config.json", config.ToJson());
        using var followed = new RunJournal(config, world, layout);
        try
        {
            journal = followed;
            return Run(spec, layout, held, stop);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            followed.Failed(error);
            throw;
        }
    }

    private IReadOnlyList<ProductShape> Products(CausalLM spec, Core.Layout layout, RankGroups groups)
    {
        var plan = new RankPlan(spec, layout, groups, RunRecompute.OptionsOf(config, torch.CPU));
        return ProductShapes.Large(plan.Mode, new(config.Data.MicroBsz, config.Data.SeqLen, layout.Degrees.Tensor, layout.Degrees.Weight));
    }

    private RunResult Run(CausalLM spec, Core.Layout layout, RunLock? held, CancellationToken stop)
    {
        world.FlightFolder = Path.Combine(config.Folder, "flight");
        var groups = new RankGroups(new Topology(layout.Degrees), world);
        var recompute = RunRecompute.Of(config, spec, layout, groups, world.Device ?? DeviceOf(config));
        using var stores = config.Ckpt.EnableSaveCkpt ? new RunStores(config) : null;

        // The first rank makes what the others then find.
        var together = new Site(RuntimeSites.Together, false);
        if (Leads)
        {
            stores?.Open();
            Prepare(stop);
        }

        groups.Everyone.Barrier(together);
        var found = Find(stores, groups);
        using var foundFiles = found?.Files;
        var places = Prepare(stop);
        SetUpDevice();
        using var operators = new RunOperators(() => Products(spec, layout, groups), config, world.Device ?? DeviceOf(config), held, groups);

        using var tokenizer = places.TokenizerPath is { } path ? TokenizerFiles.Open(path) : null;
        RequireFit(spec, tokenizer);
        using var data = new TrainingData(config, places, spec.Size.VocabSize, groups.Data.Rank, groups.Data.Size);
        Tell(new TrainEvent.DataOpened(
            places.TrainFolder, data.Tokens, data.Rows, Math.Max(1, data.Rows / (data.MicroBatches * groups.Data.Size)), data.ValidRowCount, data.Padding));
        var device = world.Device ?? DeviceOf(config);
        var options = RunRecompute.OptionsOf(config, device) with
        {
            Keeps = recompute?.Keeps,
            Graphs = RunGraphs.Of(config, spec, layout, world, device, why => Tell(new TrainEvent.Warning(why))),
        };
        using var model = RankModel.Build(spec, layout, groups, options);
        Tell(new TrainEvent.ModelBuilt(spec.Family.Name, spec.ParameterCount, config.Model.Dtype));
        if (recompute is not null)
        {
            Tell(new TrainEvent.RecomputeChosen(recompute));
        }

        var checkpoints = new RunCheckpoints(config, spec, places, data);
        var state = Begin(found, checkpoints, model);
        data.Begin(state.Step, state.DataCursor);
        using var records = Leads ? new StepRecords(config, state) : null;
        using var saver = stores is null ? null : new CheckpointSaver(model);
        var saves = stores is null ? null : new RunSaves(config.Ckpt, stores, checkpoints, saver!, records, Tell);
        var stopFile = Leads && config.Ckpt.StopFilePath is { } control ? new StopFile(control) : null;
        var loop = new TrainLoop(config, model, world, data, saves, stopFile, records, new StepReports(config, spec, layout, recompute),
            new MemoryWatch(model, 1, config.Data.RowTokens, ProfilesMemory && Leads), new PipelineWatch(model, ProfilesPipeline),
            new ProfileWatch(world, model.Optimizer.Device, model.Options.Dtype, ProfilesOperators && Leads), Tell);
        journal!.Begin(state.Updates);
        (state, var end) = loop.Run(state, found?.Place, stop);
        journal.End();

        var baselines = end == RunEnd.Completed && Leads ? CountBaselines(data, spec) : null;
        var sample = end == RunEnd.Completed ? WriteSample(model, tokenizer) : null;
        groups.Everyone.Barrier(together);
        return new(
            end, state.Step, state.Updates, config.Folder, loop.Newest, state.FirstValidLoss, state.LastValidLoss,
            baselines?.Bigram, baselines?.Trigram, sample);
    }

    // How this run is spread, or everything that stands against it.
    private Core.Layout LayoutOf(CausalLM spec)
    {
        var facts = LayoutFacts.Of(spec);
        var (problems, layout) = (config.LayoutProblems(world.Size, facts), config.LayoutAt(world.Size, facts.Experts));
        if (problems.Count == 0)
        {
            return layout;
        }

        var ranks = world.Size == 1 ? "one rank (--nproc starts more)" : $"{world.Size} ranks";
        var changes = NearestLayout.changes(layout, NearestLayout.find(facts, layout)).Select(change => $"--set {change.Item1}={change.Item2}");
        throw new TrainingException(
            $"{string.Join("\n", problems)}\nThe nearest legal layout on {ranks}: {string.Join(" ", changes)}");
    }

    private DataPlaces Prepare(CancellationToken stop) => Preparation.Run(config, new Relay(progress => Tell(new TrainEvent.Preparing(progress))), stop);

    private void Tell(TrainEvent happened)
    {
        journal?.See(happened);
        if (Leads)
        {
            events?.Report(happened);
        }
    }

    private static CausalLM SpecOf(RunConfig config)
    {
        var family = ModelFamilies.Find(config.ModelType)
            ?? throw new TrainingException($"model_type = {config.ModelType}: no such family; there are {string.Join(", ", ModelFamilies.All)}");
        return family.FromKeys(config.Model.FamilyKeys);
    }

    // The checkpoint to continue, checked; null for a fresh start.
    private Checkpoint? Find(RunStores? stores, RankGroups groups)
    {
        var all = stores?.All() ?? [];
        if (resume == ResumeRule.AsConfigured && !config.Ckpt.AutoResume)
        {
            return all is [var newest, ..]
                ? throw new CheckpointException(
                    CheckpointFault.InTheWay,
                    $"{config.CheckpointFolder}: holds the checkpoint of step {newest.Step}, and ckpt.auto_resume is false: a fresh start would overwrite the run. Continue it with --resume, give this run another job_name, or remove the folder.")
                : null;
        }

        var refusals = new List<string>();
        Checkpoint? checkpoint = null;
        foreach (var (step, store) in all)
        {
            var files = store.Files(step);
            (checkpoint, var refused) = OpenWhole(files, groups);
            if (refused is null)
            {
                break;
            }

            refusals.Add(refused);
            Tell(new TrainEvent.CheckpointRefused(files.Place, refused));
            files.Dispose();
        }

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

    // The ranks share out the files to check, and believe a checkpoint together or not at all: then with the reason.
    private (Checkpoint? Checkpoint, string? Refused) OpenWhole(ICheckpointFiles files, RankGroups groups)
    {
        var (checkpoint, own) = ((Checkpoint?)null, (string?)null);
        try
        {
            checkpoint = Checkpoint.Open(files);
            checkpoint.Check(groups.Rank, world.Size);
        }
        catch (CheckpointException error)
        {
            own = error.Message;
        }

        var refused = Agreement.Of(groups, world.Device ?? DeviceOf(config), own);
        return (refused is null ? checkpoint : null, refused);
    }

    private TrainState Begin(Checkpoint? found, RunCheckpoints checkpoints, RankModel model)
    {
        var seed = (ulong)config.Seed;
        if (found is not null)
        {
            var state = checkpoints.Resume(found, model);
            Tell(new TrainEvent.Resumed(state.Step, found.Place));
            return state;
        }

        if (config.Ckpt.LoadCkptInfo.Path is { } start)
        {
            return new Start(config.Ckpt.LoadCkptInfo, checkpoints, model).From(start, Seeds.Of(seed, "initialization"));
        }

        model.Start(Seeds.Of(seed, "initialization"));
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

    // By the whole model on the first rank, which gathers it where it is spread.
    private string? WriteSample(RankModel model, Tokenizer? tokenizer)
    {
        if (config.Train.SamplePrompt is not { } prompt || tokenizer is null)
        {
            return null;
        }

        using var gathered = world.Size == 1 ? null : model.Gathered();
        if (!Leads)
        {
            return null;
        }

        var options = new SamplingOptions { MaxNewTokens = config.Train.SampleTokens, Temperature = 0.8, TopP = 0.95, Seed = (ulong)config.Seed };
        var text = string.Concat(new Generator(gathered ?? model.Chunks[0].Module, tokenizer).Stream(prompt, options));
        Tell(new TrainEvent.Sample(prompt, text));
        return text;
    }

    private sealed class Relay(Action<PreparationEvent> tell) : IProgress<PreparationEvent>
    {
        public void Report(PreparationEvent value) => tell(value);
    }
}
