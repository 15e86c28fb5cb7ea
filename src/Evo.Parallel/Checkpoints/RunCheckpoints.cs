using System.Text.Json.Nodes;
using Evo.Core;
using Evo.Data;
using Evo.Models;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>
/// What a checkpoint of a training run holds: a Hugging Face folder (config.json, model.safetensors, tokenizer.model), the
/// optimizer's state, the run's counters, and the configuration it ran with. Resuming from it continues
/// bit for bit, or is refused.
/// </summary>
internal sealed class RunCheckpoints(RunConfig config, CausalLM spec, DataPlaces places, TrainingData data, CheckpointStore? store)
{
    internal const string ConfigFile = "run.json";

    /// <summary>Commits the run as it stands after <see cref="TrainState.Step"/> steps.</summary>
    /// <remarks>All ranks call this; the first writes, the others hand over what they hold.</remarks>
    internal (string Path, long Bytes) Save(RankModel model, TrainState state)
    {
        if (!model.Leads)
        {
            foreach (var info in model.Spec.Parameters)
            {
                model.Whole(info, StateKind.Weight)?.Dispose();
            }

            OptimizerFile.Give(model);
            model.Together();
            return ("", 0);
        }

        List<ManifestTensor> tensors = [];
        var saved = store!.Save(
            state.Step,
            folder =>
            {
                HuggingFaceFolder.Save(model.Spec, info => model.Whole(info, StateKind.Weight)!, folder, model.Optimizer.Dtype);
                tensors.AddRange(model.Spec.Parameters.Select(info =>
                    new ManifestTensor(info.Name, [.. info.Shape], DtypeName(model), SafeTensorsFolder.SingleFile)));
                tensors.AddRange(OptimizerFile.Write(folder, model).Select(plan =>
                    new ManifestTensor(plan.Name, [.. plan.Shape], plan.Type.ToString(), OptimizerFile.Name)));
                TrainStateFile.Write(folder, state with { LossScale = model.LossScale });
                File.WriteAllText(Path.Combine(folder, ConfigFile), config.ToJson());
                foreach (var file in places.TokenizerFiles)
                {
                    File.Copy(file, Path.Combine(folder, TokenizerFiles.NameBeside(file)));
                }
            },
            files => new Manifest(
                Manifest.CurrentVersion, config.JobName, config.ModelType, state.Updates, state.ConsumedTokens, state.Skipped,
                new DataPosition(data.Fingerprint.Serialize(), config.Seed, config.Data.SeqLen, config.Data.RowTokens, config.Data.MicroNum, state.Step),
                tensors, files));
        // Nobody goes on as if it were saved before it is.
        model.Together();
        return saved;
    }

    /// <summary>Fills model and optimizer from a checkpoint of this very run.</summary>
    /// <exception cref="CheckpointException">It belongs to another model, other data or another configuration.</exception>
    internal TrainState Resume(Checkpoint checkpoint, RankModel model)
    {
        RequireSameModel(checkpoint);
        RequireSameConfig(checkpoint);
        RequireSameData(checkpoint);
        return Load(checkpoint, model, weights: true, moments: true);
    }

    /// <summary>Fills parts of model and optimizer from a checkpoint of any run of the same model.</summary>
    internal TrainState Load(Checkpoint checkpoint, RankModel model, bool weights, bool moments)
    {
        RequireSameModel(checkpoint);
        if (weights)
        {
            model.Fill(module => HuggingFaceFolder.LoadWeights(module, checkpoint.Path));
        }

        if (moments)
        {
            OptimizerFile.Read(checkpoint, model);
        }

        var state = TrainStateFile.Read(checkpoint);
        if (moments && state.LossScale is { } scale)
        {
            model.LossScale = scale;
        }

        return state;
    }

    private static string DtypeName(RankModel model) => Dtypes.Of(model.Optimizer.Dtype).ToString();

    private void RequireSameModel(Checkpoint checkpoint)
    {
        // Keys that say nothing about the model (token ids, versions) are left out.
        var (saved, mine) = (HuggingFaceFolder.ReadConfig(checkpoint.Path) with { Extras = Extras.None }, spec with { Extras = Extras.None });
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
                $"{checkpoint.Path}: is a checkpoint of another model ({string.Join("; ", differences)}). Use the model it was trained with, or give this run another job_name.");
        }
    }

    private void RequireSameConfig(Checkpoint checkpoint)
    {
        IReadOnlyList<string> differences;
        try
        {
            differences = config.MeaningDifferences(File.ReadAllText(checkpoint.File(ConfigFile)));
        }
        catch (Exception error) when (error is FormatException or FileNotFoundException)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{checkpoint.File(ConfigFile)}: cannot be read: {error.Message}", error);
        }

        if (differences.Count > 0)
        {
            throw new CheckpointException(
                CheckpointFault.OtherConfig,
                $"{checkpoint.Path}: was trained with another configuration ({string.Join("; ", differences)}). A run that resumes continues bit for bit, so these must stay; give a changed run another job_name, and start it from these weights with ckpt.load_ckpt_info.");
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
            throw new CheckpointException(CheckpointFault.Damaged, $"{checkpoint.Path}: {error.Message}", error);
        }

        var difference = saved.Difference(data.Fingerprint) ?? TokenizerDifference(checkpoint);
        if (difference is not null)
        {
            throw new CheckpointException(
                CheckpointFault.OtherData,
                $"{checkpoint.Path}: was trained on other data than {places.TrainFolder} holds now ({difference}). Restore the data, or give this run another job_name.");
        }
    }

    private string? TokenizerDifference(Checkpoint checkpoint)
    {
        var other = places.TokenizerFiles.FirstOrDefault(now =>
            checkpoint.Manifest.Files.FirstOrDefault(file => file.Path == TokenizerFiles.NameBeside(now)) is { } saved && FileChecksum.Of(now) != saved.Sha256);
        return other is null ? null : $"{other} is not of the tokenizer that the checkpoint carries";
    }
}
