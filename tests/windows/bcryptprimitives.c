/* Rust's standard library asks bcryptprimitives.dll for random numbers, and Wine 8 has no such library: this one hands
   on to the older call of advapi32. Lies beside the programs while they are tried under Wine; never shipped. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    return SystemFunction036(buffer, (ULONG)length);
}
