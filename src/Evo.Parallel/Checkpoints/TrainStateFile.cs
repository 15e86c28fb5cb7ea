using System.Text.Json;

namespace Evo.Parallel;

/// <summary><c>state.json</c> of a checkpoint: counters, held-out losses.</summary>
internal static class TrainStateFile
{
    internal const string Name = "state.json";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        RespectRequiredConstructorParameters = true,
    };

    internal static void Write(string folder, TrainState state) =>
        File.WriteAllText(Path.Combine(folder, Name), JsonSerializer.Serialize(state, Options) + "\n");

    internal static TrainState Read(Checkpoint checkpoint)
    {
        var path = $"{checkpoint.Place}/{Name}";
        try
        {
            return JsonSerializer.Deserialize<TrainState>(checkpoint.Text(Name), Options)
                ?? throw new CheckpointException(CheckpointFault.Damaged, $"{path}: holds null instead of the state of a run");
        }
        catch (JsonException error)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{path}: is not the state of a run: {error.Message}", error);
        }
    }
}
