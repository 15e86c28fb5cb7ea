// Devices of CUDA.
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Whether a CUDA device can be used.</summary>
    public static bool cuda_is_available() => cuda.is_available();

    /// <summary>The number of threads of one operation.</summary>
    public static int get_num_threads() => Evo.Torch.Threads.Count;

    /// <summary>Sets the number of threads of one operation.</summary>
    public static void set_num_threads(int num) => Evo.Torch.Threads.Set(num);

    /// <summary>The version of libtorch.</summary>
    public static string __version__ => Evo.Torch.NativeTorch.Version;

    /// <summary>CUDA devices.</summary>
    public static class cuda
    {
        public static bool is_available() => device_count() > 0;

        public static int device_count() => NativeMethods.evo_cuda_devices();

        /// <summary>Waits until a device (default: the current one) has nothing left to do.</summary>
        public static void synchronize(Device? device = null) =>
            NativeFailure.Check(NativeMethods.evo_cuda_synchronize(device?.index ?? -1), "cuda.synchronize");

        /// <summary>Seeds the generator of the current device.</summary>
        public static void manual_seed(long seed)
        {
            using var generator = Generator.DefaultOf(CUDA);
            generator.manual_seed(seed);
        }

        /// <summary>Seeds the generators of all devices.</summary>
        public static void manual_seed_all(long seed)
        {
            for (var k = 0; k < device_count(); k++)
            {
                using var generator = Generator.DefaultOf(new Device(DeviceType.CUDA, k));
                generator.manual_seed(seed);
            }
        }
    }
}
