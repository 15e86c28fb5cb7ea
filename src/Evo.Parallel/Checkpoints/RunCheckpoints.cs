using System.Text.Json.Nodes;
using Evo.Core;
using Evo.Data;
using Evo.Models;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>
/// What a checkpoint of a training run holds: a Hugging Face folder (config.json, weights, tokenizer.model), master weights and
/// moments, the run's counters, and the configuration it ran with. Resuming from it continues bit for bit, on another layout on
/// the same curve, or is refused.
/// </summary>
internal sealed class RunCheckpoints(RunConfig config, CausalLM spec, DataPlaces places, TrainingData data)
{
    internal const string ConfigFile = "run.json";

    /// <summary>What is saved of the run as it stands after <see cref="TrainState.Step"/> steps, beside the state of the model.</summary>
    internal CheckpointContent Content(RankModel model, TrainState state)
    {
        var (saved, type) = (state with { LossScale = model.LossScale, DataCursor = data.CursorAt(state.Step) }, model.Optimizer.Dtype);
        return new(
            state.Step,
            folder => WriteCompanions(folder, ModelFile.Of(model, TensorFiles.FileType(type)), saved, TensorFiles.TorchName(type)),
            part => new Manifest(
                Manifest.CurrentVersion, config.JobName, config.ModelType, state.Updates, state.ConsumedTokens, state.Skipped, model.Layout.ToString(),
                new DataPosition(
                    data.Fingerprint.Serialize(), config.Seed, config.Data.SeqLen, config.Data.RowTokens, data.RowsPerStep, data.Ranks, state.Step),
                part.Tensors, part.Files));
    }

    /// <summary>Fills model and optimizer from a checkpoint of this very run.</summary>
    /// <exception cref="CheckpointException">It belongs to another model, other data or another configuration.</exception>
    internal TrainState Resume(Checkpoint checkpoint, RankModel model)
    {
        RequireSameModel(checkpoint);
        RequireSameConfig(checkpoint);
        RequireSameData(checkpoint);
        RequireSameBatches(checkpoint);
        return Load(checkpoint, model, weights: true, moments: true);
    }

    /// <summary>Fills parts of model and optimizer from a checkpoint of any run of the same model.</summary>
    internal TrainState Load(Checkpoint checkpoint, RankModel model, bool weights, bool moments)
    {
        RequireSameModel(checkpoint);
        new StateReader(checkpoint).Fill(model, weights, moments);
        var state = TrainStateFile.Read(checkpoint);
        if (moments && state.LossScale is { } scale)
        {
            model.LossScale = scale;
        }

        return state;
    }

    private IReadOnlyList<string> WriteCompanions(string folder, IReadOnlyList<ModelFile> modelFiles, TrainState state, string dtype)
    {
        HuggingFaceFolder.WriteConfig(folder, spec, dtype);
        TrainStateFile.Write(folder, state);
        File.WriteAllText(Path.Combine(folder, ConfigFile), config.ToJson());
        List<string> names = [HuggingFaceFolder.ConfigFile, TrainStateFile.Name, ConfigFile];
        if (modelFiles.Count > 1)
        {
            SafeTensorsIndex.Write(folder, [.. modelFiles.Select(file => (file.Name, (IReadOnlyList<SafeTensorPlan>)[.. file.Pieces.Select(piece => piece.Plan)]))]);
            names.Add(SafeTensorsFolder.IndexFile);
        }

        foreach (var file in places.TokenizerFiles)
        {
            File.Copy(file, Path.Combine(folder, TokenizerFiles.NameBeside(file)));
            names.Add(TokenizerFiles.NameBeside(file));
        }

        return names;
    }

    private void RequireSameModel(Checkpoint checkpoint)
    {
        // Keys that say nothing about the model (token ids, versions) are left out.
        var (saved, mine) = (HuggingFaceFolder.ReadConfig($"{checkpoint.Place}/{HuggingFaceFolder.ConfigFile}", checkpoint.Text(HuggingFaceFolder.ConfigFile)) with { Extras = Extras.None }, spec with { Extras = Extras.None });
        if (saved.Equals(mine))
        {
            return;
        }

        var (before, now) = (saved.ToHuggingFace(), mine.ToHuggingFace());
        var differences = before.Select(key => key.Key).Union(now.Select(key => key.Key))
            .Where(key => !JsonNode.DeepEquals(before[key], now[key]))
            .Select(key => $"{key}: {before[key]?.ToJsonString() ?? "not set"} there, {now[key]?.ToJsonString() ?? "not set"} in the configuration")
            .ToList();
        if (differences.Count > 0)
        {
            throw new CheckpointException(
                CheckpointFault.OtherModel,
                $"{checkpoint.Place}: is a checkpoint of another model ({string.Join("; ", differences)}). Use the model it was trained with, or give this run another job_name.");
        }
    }

    private void RequireSameConfig(Checkpoint checkpoint)
    {
        IReadOnlyList<string> differences;
        try
        {
            differences = config.MeaningDifferences(checkpoint.Text(ConfigFile));
        }
        catch (FormatException error)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{checkpoint.Place}/{ConfigFile}: cannot be read: {error.Message}", error);
        }

        if (differences.Count > 0)
        {
            throw new CheckpointException(
                CheckpointFault.OtherConfig,
                $"{checkpoint.Place}: was trained with another configuration ({string.Join("; ", differences)}). A run that resumes continues bit for bit, so these must stay; give a changed run another job_name, and start it from these weights with ckpt.load_ckpt_info.");
        }
    }

    private void RequireSameData(Checkpoint checkpoint)
    {
        DataFingerprint saved;
        try
        {
            saved = DataFingerprint.Parse(checkpoint.Manifest.Data.Fingerprint);
        }
        catch (DataException error)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{checkpoint.Place}: {error.Message}", error);
        }

        var difference = saved.Difference(data.Fingerprint) ?? TokenizerDifference(checkpoint);
        if (difference is not null)
        {
            throw new CheckpointException(
                CheckpointFault.OtherData,
                $"{checkpoint.Place}: was trained on other data than {places.TrainFolder} holds now ({difference}). Restore the data, or give this run another job_name.");
        }
    }

    // How the rows of a step are dealt out may change; how many they are may not. Version 1 knew those of one rank.
    private void RequireSameBatches(Checkpoint checkpoint)
    {
        var saved = checkpoint.Manifest.Data;
        var (before, now, unit) = checkpoint.Manifest.Version == 1
            ? (saved.RowsPerBatch, config.Data.MicroNum, "rows on each rank")
            : config.Data.RampupBatchSize.Length > 0 ? (saved.RowsPerBatch / saved.Ranks, data.MicroBatches, "rows on each rank at the end of its ramp-up")
            : (saved.RowsPerBatch, data.RowsPerStep, "rows over all ranks");
        if (before != now)
        {
            throw new CheckpointException(
                CheckpointFault.OtherConfig,
                $"{checkpoint.Place}: a step had {before} {unit} and has {now} now: other batches in another order. Set data.rows_per_step = {saved.RowsPerBatch} or a data.micro_num that gives as many, or give this run another job_name and start it from these weights with ckpt.load_ckpt_info.");
        }
    }

    private string? TokenizerDifference(Checkpoint checkpoint)
    {
        var other = places.TokenizerFiles.FirstOrDefault(now =>
            checkpoint.Manifest.Files.FirstOrDefault(file => file.Path == TokenizerFiles.NameBeside(now)) is { } saved && FileChecksum.Of(now) != saved.Sha256);
        return other is null ? null : $"{other} is not of the tokenizer that the checkpoint carries";
    }
}
