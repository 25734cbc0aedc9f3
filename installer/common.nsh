; What installing and removing share: rights, the running program, slotctl.

; Exit codes. 1 and 2 are NSIS's own: cancelled by the person, ended by an error.
!define EXIT_IN_USE 10       ; Slotdeck or slotctl runs
!define EXIT_CLUSTERS_RUN 11 ; servers of clusters run, and /STOPCLUSTERS was not given
!define EXIT_NOT_STOPPED 12  ; servers of clusters could not be stopped, or whether any run is not known
!define EXIT_DATA_LEFT 13    ; data could not be deleted
!define EXIT_NO_RIGHTS 1223  ; administrator rights were needed and not given (Windows' own number)

; Not of the setup, but of slotctl: nothing was to be done.
!define SLOTCTL_UNNEEDED 3

!macro Common UN

; Sets R0 to 1 when this process may write for everyone.
Function ${UN}HasRights
    Push $0
    UserInfo::GetAccountType
    Pop $0
    StrCpy $R0 0
    ${If} $0 == "Admin"
        StrCpy $R0 1
    ${EndIf}
    Pop $0
FunctionEnd

; Runs this program again with administrator rights and the parameters in R0, waits for it, and sets R0 to its exit
; code, or to EXIT_NO_RIGHTS. The parameters hold /Elevated: one that was started so and has no rights either, as where
; Windows does not ask for them, must not start another.
Function ${UN}RunWithRights
    Push $0
    Push $1
    ${GetParameters} $0
    ClearErrors
    ${GetOptions} $0 "/Elevated" $1
    ${IfNot} ${Errors}
        StrCpy $R0 ${EXIT_NO_RIGHTS}
        Pop $1
        Pop $0
        Return
    ${EndIf}
    ; SHELLEXECUTEINFOW as it lies in memory on 64-bit Windows; 0x40 keeps the process's handle (NOCLOSEPROCESS), 0x100
    ; returns only when the start is decided (NOASYNC), 0x400 shows no message of its own (FLAG_NO_UI).
    ; The texts are handed over as registers, for they may hold quotes.
    StrCpy $1 $EXEPATH
    System::Call '*(i 112, i 0x540, p $HWNDPARENT, w "runas", w r1, w R0, p 0, i 1, i 0, p 0, p 0, p 0, p 0, i 0, i 0, p 0, p 0) p.r0'
    StrCpy $R0 ${EXIT_NO_RIGHTS}
    System::Call 'shell32::ShellExecuteExW(p r0) i.r1'
    ${If} $1 <> 0
        System::Call '*$0(i, i, p, p, p, p, p, i, i, p, p, p, p, i, i, p, p .r1)'
        ${If} $1 P<> 0
            System::Call 'kernel32::WaitForSingleObject(p r1, i -1)'
            System::Call 'kernel32::GetExitCodeProcess(p r1, *i .R0)'
            System::Call 'kernel32::CloseHandle(p r1)'
        ${EndIf}
    ${EndIf}
    System::Free $0
    Pop $1
    Pop $0
FunctionEnd

; Sets R0 to 1 when the window is open or one of the two programs in INSTDIR runs.
Function ${UN}IsInUse
    Push $0
    ; The window holds this mutex while it is open (0x100000: SYNCHRONIZE).
    System::Call 'kernel32::OpenMutexW(i 0x100000, i 0, w "Local\SlotdeckRunning") p.r0'
    ${If} $0 P<> 0
        System::Call 'kernel32::CloseHandle(p r0)'
        StrCpy $R0 1
        Pop $0
        Return
    ${EndIf}
    StrCpy $R0 0
    Push "$INSTDIR\slotdeck.exe"
    Call ${UN}RunsFrom
    Push "$INSTDIR\slotctl.exe"
    Call ${UN}RunsFrom
    Pop $0
FunctionEnd

; Takes a program's path; sets R0 to 1 when it runs: Windows opens no running program for writing (32: sharing violation).
Function ${UN}RunsFrom
    Exch $0
    Push $1
    System::Call 'kernel32::CreateFileW(w r0, i 0x40000000, i 7, p 0, i 3, i 0, p 0) p.r1 ?e'
    Pop $0
    ${If} $1 P= -1
        ${If} $0 = 32
            StrCpy $R0 1
        ${EndIf}
    ${Else}
        System::Call 'kernel32::CloseHandle(p r1)'
    ${EndIf}
    Pop $1
    Pop $0
FunctionEnd

; Goes on when nothing runs; asks until then, and ends where nobody can be asked.
Function ${UN}EnsureNotInUse
    again:
    Call ${UN}IsInUse
    ${If} $R0 = 1
        MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(InUse)" /SD IDCANCEL IDRETRY again
        SetErrorLevel ${EXIT_IN_USE}
        Quit
    ${EndIf}
FunctionEnd

; Tells every running program that the PATH has changed, and Explorer that file kinds have.
Function ${UN}TellWindows
    SendMessage ${HWND_BROADCAST} ${WM_WININICHANGE} 0 "STR:Environment" /TIMEOUT=5000
    System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
FunctionEnd

!macroend

!insertmacro Common ""
!insertmacro Common "un."

; slotctl setup COMMAND, without a console window: its exit code comes in R0, its words in R1. In R0 is a word instead
; where it can't be started, or was silent for so many seconds and then ended.
!macro Slotctl SECONDS COMMAND
    nsExec::ExecToStack /TIMEOUT=${SECONDS}000 '"$INSTDIR\slotctl.exe" setup ${COMMAND}'
    Pop $R0
    Pop $R1
!macroend
!define Slotctl "!insertmacro Slotctl"

; The option that tells slotctl whose PATH is meant.
!macro PathOwner VARIABLE
    StrCpy ${VARIABLE} ""
    ${If} $Everyone = 1
        StrCpy ${VARIABLE} "--all-users"
    ${EndIf}
!macroend
!define PathOwner "!insertmacro PathOwner"
